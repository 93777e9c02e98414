"""Compares what exiftool reads of pictures before and after a conversion, tag by tag.

    metadata_tags.py DARKROOM EXPECTED SOURCES...

Converts the sources to every target with `--metadata keep`. Each tag of a source has to be in the
output with the same value, or a loss that is declared for the file explains it, or EXPECTED lists
it with a reason. Prints what does not fit, then a line of numbers; ends with 1 if anything did not.

Each line of EXPECTED has four cells, with tabs between them: `loss` and its name, or the source's and
the target's format (`*` for any); a pattern of group and tag; the reason. A reason that begins with
`-> TAG:` says where the output has it instead, and that is checked.
"""
import fnmatch
import json
import os
import re
import subprocess
import sys
import tempfile

TARGETS = {"jpeg": "jpg", "png": "png", "webp": "webp"}
# About the file on the disk, not in it.
OUTSIDE = {"SourceFile", "ExifTool", "System", "File", "Composite"}
# In the group File, but in the file.
INSIDE_FILE = {"File:Comment"}


def tags_of(paths):
    if not paths:
        return {}
    with tempfile.NamedTemporaryFile("w", suffix=".args") as names:
        names.write("\n".join(paths))
        names.flush()
        out = subprocess.run(
            ["exiftool", "-j", "-G1", "-a", "-struct", "-u", "-charset", "filename=utf8", "-@", names.name],
            capture_output=True, check=False).stdout
    found = {}
    for row in json.loads(out or b"[]"):
        found[row["SourceFile"]] = {
            re.sub(r"^IPTC\d+:", "IPTC:", k): v for k, v in row.items()  # the number counts places
            if k.split(":")[0] not in OUTSIDE or k in INSIDE_FILE}
    return found


def without_defaults(tags, target):
    """Leaves out densities that say no more than what readers assume where there is none."""
    square = (
        tags.get("JFIF:ResolutionUnit") == "None" and
        tags["JFIF:XResolution"] == tags["JFIF:YResolution"] or
        tags.get("PNG-pHYs:PixelUnits") == "Unknown" and
        tags["PNG-pHYs:PixelsPerUnitX"] == tags["PNG-pHYs:PixelsPerUnitY"])
    default = target == "webp" and (
        tags.get("JFIF:XResolution") == tags.get("JFIF:YResolution") == 72 or
        tags.get("PNG-pHYs:PixelsPerUnitX") == tags.get("PNG-pHYs:PixelsPerUnitY") == 2835)
    if not square and not default:
        return tags
    return {k: v for k, v in tags.items()
            if not re.match(r"JFIF:(.Resolution|ResolutionUnit)|PNG-pHYs:", k)}


def read_expected(path):
    rows = []
    with open(path, encoding="utf8") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                cells = line.rstrip("\n").split("\t")
                if len(cells) != 4 or not cells[3]:
                    sys.exit(f"{path}: not four cells: {line}")
                moved = re.match(r"-> ([^ ]+): ", cells[3])
                rows.append({"from": cells[0], "to": cells[1], "pattern": cells[2], "used": False,
                             "instead": moved and moved[1]})
    return rows


def explains(row, source, target, losses, tag, output):
    if not fnmatch.fnmatchcase(tag, row["pattern"]):
        return False
    if row["instead"] and row["instead"] not in output:
        return False
    if row["from"] == "loss":
        return row["to"] in losses
    return row["from"] in ("*", source) and row["to"] in ("*", target)


def convert(darkroom, sources, target, out):
    run = subprocess.run([darkroom, "convert", *sources, "-o", out, "--to", target, "--json"],
                         capture_output=True, text=True, check=False)
    losses = {}
    for line in run.stdout.splitlines():
        event = json.loads(line)
        if event["type"] == "file_completed":
            losses[event["data"]["path"]] = event["data"]["losses"]
    return losses


def main():
    darkroom, expected_path, *sources = sys.argv[1:]
    rows = read_expected(expected_path)
    files = tags = 0
    wrong = []
    with tempfile.TemporaryDirectory() as work:
        for target, extension in TARGETS.items():
            out = os.path.join(work, target)
            losses = convert(darkroom, sources, target, out)
            stems = {os.path.splitext(path)[0] for path in losses}
            if len(stems) != len(losses):
                sys.exit("two sources whose outputs would have one name")
            pairs = {}
            for path in losses:
                source = next(p for p in (os.path.join(s, path) for s in sources) if os.path.exists(p))
                output = os.path.join(out, os.path.splitext(path)[0] + "." + extension)
                pairs[path] = (source, output)
            before = tags_of([p[0] for p in pairs.values()])
            after = tags_of([p[1] for p in pairs.values()])
            for path, (source, output) in sorted(pairs.items()):
                files += 1
                kind = os.path.splitext(path)[1][1:].lower().replace("jpg", "jpeg")
                for tag, value in without_defaults(before[source], target).items():
                    tags += 1
                    made = after.get(output, {})
                    if made.get(tag) == value:
                        continue
                    rule = [r for r in rows if explains(r, kind, target, losses[path], tag, made)]
                    for r in rule:
                        r["used"] = True
                    if not rule:
                        wrong.append((path, target, tag, value, made.get(tag, "(none)")))
    for path, target, tag, value, got in wrong:
        print(f"{path} to {target}: {tag}: {str(value)[:60]!r} became {str(got)[:60]!r}")
    unused = [r for r in rows if not r["used"] and r["from"] != "loss"]
    print(f"{files} conversions, {tags} tags, {len(wrong)} unexplained, {len(rows)} rules, "
          f"{len(unused)} of them unused")
    for r in unused:
        print("unused:", r["from"], r["to"], r["pattern"])
    sys.exit(1 if wrong or files == 0 else 0)


main()
