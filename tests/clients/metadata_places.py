"""Writes a place in every way that exiftool can, and looks for it after `strip_location`.

    metadata_places.py DARKROOM [PHOTOS]

Every tag that exiftool can write whose name has to do with a place, in EXIF, XMP and IPTC, in a
JPEG, a PNG and a WebP each; XMP also under other prefixes and in UTF-16 and UTF-32; and the maker
notes of PHOTOS. Each file is converted to every format. The text must be in none of the output's
bytes, in no encoding, and no tag may have the number. What is no place has to survive. Prints a
line of numbers; ends with 1 if a place was left or something else was lost.
"""
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import zlib

NAMES = re.compile(r"GPS|Latitude|Longitude|Lat|Long|Location|Sublocation|City|State|Province|Country"
                   r"|Landmark")
# Names that contain such a word and mean something else: these are kept.
NO_PLACE = {"WebStatement", "ISOSpeedLatitudeyyy", "ISOSpeedLatitudezzz",
            "LateralChromaticAberrationCorrectionAlreadyApplied"}
WORD = "Quillagua"  # a village in the Atacama
NUMBER = "21.657799"
INTEGER = "21657"
SURVIVES = {
    "EXIF:ExposureTime": "1/250", "EXIF:FNumber": "5.6", "EXIF:ISO": "400", "EXIF:LensModel": "EF 50mm",
    "EXIF:Artist": "Ann Adams", "EXIF:Copyright": "(c) Ann Adams",
    "EXIF:DateTimeOriginal": "2026:11:28 10:15:00", "EXIF:ColorSpace": "sRGB",
    "EXIF:ImageDescription": "Dunes at dusk", "XMP:Creator": "Ann Adams", "XMP:Rights": "(c) Ann Adams",
    "XMP:Title": "Dunes", "XMP:Subject": "sand", "XMP:CreateDate": "2026:11:28 10:15:00"}
IPTC_SURVIVES = {"IPTC:By-line": "Ann Adams", "IPTC:CopyrightNotice": "(c) Ann Adams",
                 "IPTC:Headline": "Dunes", "IPTC:Keywords": "sand"}
TARGETS = {"jpeg": "jpg", "png": "png", "webp": "webp"}


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def small_png():
    rows = b"".join(b"\0" + b"".join(bytes((x * 8, y * 8, 128)) for x in range(16))
                    for y in range(16))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 16, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def run_exiftool(commands, work):
    """Each command is a list of arguments; all run in one process."""
    path = os.path.join(work, "commands.args")
    with open(path, "w", encoding="utf8") as out:
        for command in commands:
            out.write("\n".join(command) + "\n-execute\n")
    return subprocess.run(["exiftool", "-@", path, "-common_args", "-q", "-q", "-m"],
                          capture_output=True, check=False).stdout


def darkroom(program, *arguments):
    run = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    return run.stdout


def hidden_texts(data):
    """Bytes of a file, and what its PNG chunks hold deflated."""
    found = [data]
    at = 8
    while data.startswith(b"\x89PNG") and at + 12 <= len(data):
        size, name = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        if name in (b"zTXt", b"iTXt", b"iCCP"):
            for begin in range(min(len(body), 200)):
                try:
                    text = zlib.decompress(body[begin:])
                except zlib.error:
                    continue
                found.append(text)
                found.append(bytes.fromhex(re.sub(r"[^0-9a-f]", "", "".join(
                    text.decode("latin1").split("\n")[3:]))) if b"\niptc\n" in text else b"")
        at += size + 12
    return found


def holds_word(data):
    encodings = ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]
    return any(WORD.encode(e) in text for text in hidden_texts(data) for e in encodings)


def write_places(bases, work):
    names = [n for n in subprocess.run(["exiftool", "-listw"], capture_output=True, text=True,
                                       check=False).stdout.split() if NAMES.search(n)]
    sources = os.path.join(work, "places")
    os.makedirs(sources)
    commands = []
    for base in bases:
        extension = os.path.splitext(base)[1]
        for group in ("EXIF", "XMP", "IPTC"):
            for name in names:
                for kind, value in (("word", WORD), ("number", NUMBER), ("integer", INTEGER)):
                    out = os.path.join(sources, f"{group}_{name}_{kind}{extension}")
                    commands.append([f"-{group}:{name}={value}", "-o", out, base])
    run_exiftool(commands, work)
    for base in bases:
        write_strange_xmp(base, sources)
    return sources, len(names)


def strange_packets():
    packet = ('<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-'
              'rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:zz="{0}" {1}</rdf:RDF></x:xmpmeta>')
    for name, uri, local in (("photoshop", "http://ns.adobe.com/photoshop/1.0/", "City"),
                             ("core", "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/", "Location"),
                             ("drone", "http://www.dji.com/drone-dji/1.0/", "GpsLatitude"),
                             ("geo", "http://www.w3.org/2003/01/geo/wgs84_pos#", "lat_long")):
        attribute = packet.format(uri, f'zz:{local}="{WORD}"/>')
        element = packet.format(uri, f"><zz:{local}>{WORD}</zz:{local}></rdf:Description>")
        for form, text in (("attribute", attribute), ("element", element)):
            for encoding in ("utf-8", "utf-16-le", "utf-16-be", "utf-16", "utf-32-le", "utf-32-be"):
                yield f"{name}_{form}_{encoding}", text.encode(encoding)


def write_strange_xmp(base, sources):
    with open(base, "rb") as file:
        data = file.read()
    for name, packet in strange_packets():
        if data.startswith(b"\xff\xd8"):
            body = b"http://ns.adobe.com/xap/1.0/\0" + packet
            made = data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]
        elif data.startswith(b"\x89PNG"):
            made = data[:33] + chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet) + data[33:]
        else:
            continue
        with open(os.path.join(sources, "xmp_" + name + os.path.splitext(base)[1]), "wb") as file:
            file.write(made)


def read_tags(folder):
    out = subprocess.run(["exiftool", "-j", "-n", "-a", "-G1", "-r", "-q", folder], capture_output=True,
                         check=False).stdout
    return {row["SourceFile"]: row for row in json.loads(out or b"[]")}


def tag_left(tags):
    """A tag whose name has to do with a place and that has one of our values."""
    for tag, value in tags.items():
        name = tag.split(":")[-1]
        if NAMES.search(name) and name not in NO_PLACE and tag != "SourceFile":
            if str(value).startswith(("21.65", INTEGER)) or WORD in str(value):
                return tag
    return None


def check_places(program, sources, work):
    left, outputs = [], 0
    for target in TARGETS:
        out = os.path.join(work, "without", target)
        darkroom(program, "convert", sources, "-o", out, "--to", target, "--metadata", "strip_location")
        tags = read_tags(out)
        for path, found in sorted(tags.items()):
            outputs += 1
            with open(path, "rb") as file:
                data = file.read()
            name = os.path.basename(path)
            is_kept = any(f"_{kept}_" in name for kept in NO_PLACE)
            if not is_kept and (holds_word(data) or tag_left(found)):
                left.append(f"{target}/{name}: {tag_left(found) or WORD}")
    return left, outputs


def check_survivors(program, bases, work):
    folder = os.path.join(work, "survivors")
    os.makedirs(folder)
    commands = []
    for base in bases:
        wanted = {**SURVIVES, **({} if base.endswith("webp") else IPTC_SURVIVES)}
        commands.append([f"-{k}={v}" for k, v in wanted.items()] +
                        ["-EXIF:GPSLatitude=" + NUMBER, "-XMP:City=" + WORD,
                         "-o", os.path.join(folder, os.path.basename(base)), base])
    run_exiftool(commands, work)
    lost, checked = [], 0
    for target in TARGETS:
        out = os.path.join(work, "survived", target)
        darkroom(program, "convert", folder, "-o", out, "--to", target, "--metadata", "strip_location")
        rows = json.loads(subprocess.run(["exiftool", "-j", "-a", "-G0", "-r", "-q", out],
                                         capture_output=True, check=False).stdout or b"[]")
        for row in rows:
            for tag, value in SURVIVES.items():
                checked += 1
                if str(row.get(tag)) != value:
                    lost.append(f"{row['SourceFile']}: {tag}: {row.get(tag)!r}")
    return lost, checked


def maker_notes(photos, work):
    """Photos with maker notes in which exiftool can write a place or a text."""
    folder = os.path.join(work, "maker_notes")
    os.makedirs(folder)
    commands = []
    for name in sorted(os.listdir(photos)):
        if name.endswith(".jpg"):
            commands.append([f"-MakerNotes:{tag}={WORD}" for tag in (
                "OwnerName", "City", "City2", "Country", "State", "Landmark", "LocationName",
                "InternalSerialNumber", "ImageUniqueID", "UserComment", "SerialNumber", "Title")] +
                            ["-o", os.path.join(folder, name), os.path.join(photos, name)])
    run_exiftool(commands, work)
    return folder, sum(holds_word(open(os.path.join(folder, n), "rb").read())
                       for n in os.listdir(folder))


def main():
    program, *photos = sys.argv[1:]
    with tempfile.TemporaryDirectory() as work:
        png = os.path.join(work, "base.png")
        with open(png, "wb") as file:
            file.write(small_png())
        bases = [png]
        for target in ("jpeg", "webp"):
            darkroom(program, "convert", png, "-o", work, "--to", target, "--quality", "90")
            bases.append(os.path.join(work, "base." + TARGETS[target]))
        sources, names = write_places(bases, work)
        ways = len(os.listdir(sources))
        left, outputs = check_places(program, sources, work)
        lost, checked = check_survivors(program, bases, work)
        noted = 0
        if photos:
            folder, noted = maker_notes(photos[0], work)
            more, further = check_places(program, folder, os.path.join(work, "notes"))
            left += more
            outputs += further
    for line in left:
        print("left:", line)
    for line in lost:
        print("lost:", line)
    print(f"{names} names, {ways} ways, {noted} maker notes, {outputs} outputs: {len(left)} with a "
          f"place; {checked} other values: {len(lost)} lost")
    sys.exit(1 if left or lost or ways < 300 or checked == 0 else 0)


main()
