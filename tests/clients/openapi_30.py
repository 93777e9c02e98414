"""Rewrites a document of OpenAPI 3.1 as 3.0, for generators that do not read 3.1: openapi_30.py <3.1.json >3.0.json

Only what 3.1 has and the document of Darkroom uses: a licence by its identifier, `null` among types and values,
and lists of values without a type."""
import json
import sys


def rewritten(node):
    if isinstance(node, list):
        return [rewritten(one) for one in node]
    if not isinstance(node, dict):
        return node
    node = {name: rewritten(value) for name, value in node.items()}
    kinds = node.get('type')
    if kinds is None and isinstance(node.get('enum'), list):  # 3.0 needs the type that the values have
        kinds = sorted({'null' if value is None else 'string' for value in node['enum']})
        node['type'] = kinds[0] if len(kinds) == 1 else kinds
        kinds = node['type']
    if isinstance(kinds, list):
        others = [kind for kind in kinds if kind != 'null']
        if len(others) != 1 or len(others) == len(kinds):
            raise SystemExit('no equivalent in 3.0: %s' % kinds)
        node.update(type=others[0], nullable=True)
        if 'enum' in node:
            node['enum'] = [value for value in node['enum'] if value is not None]
    return node


document = rewritten(json.load(sys.stdin))
document['openapi'] = '3.0.3'
document['info']['license'].pop('identifier', None)
json.dump(document, sys.stdout)
