"""Somebody who has carried the whole installation away, apart from the unsealing process.

OUTSIDER_FOLDERS: folders (os.pathsep between), every file of which is read raw.
OUTSIDER_CANARIES: a file, one text a line, none of which may be found in any spelling.
OUTSIDER_CONTROL: a text that must be found, or the search itself proves nothing.
"""
import base64
import gzip
import os
import zlib

from checks import check


def spellings(text):
    """The ways in which a text may lie in a file."""
    for t in {text, text.lower(), text.upper()}:
        raw = t.encode()
        yield raw
        yield t.encode("utf-16-le")
        yield raw.hex().encode()
        yield raw[::-1]
        for skip in range(3):  # base64 of something longer: the three places a text can begin at
            inner = base64.b64encode(b"\0" * skip + raw)
            yield inner[4 if skip else 0 : -4]


def contents(folder):
    for at, _, files in os.walk(folder):
        for name in files:
            path = os.path.join(at, name)
            try:
                with open(path, "rb") as f:
                    data = f.read()
            except OSError:
                continue  # a socket, or a file that ended meanwhile
            yield path, data
            for unpack in (gzip.decompress, zlib.decompress):
                try:
                    yield path + " unpacked", unpack(data)
                except Exception:
                    pass


folders = os.environ["OUTSIDER_FOLDERS"].split(os.pathsep)
with open(os.environ["OUTSIDER_CANARIES"], encoding="utf-8") as f:
    canaries = f.read().split()
control = os.environ["OUTSIDER_CONTROL"]

everything, files, private = [], 0, []
for folder in folders:
    for path, data in contents(folder):
        files += 1
        everything.append(data)
        if b"AGE-SECRET-KEY" in data:
            private.append(os.path.relpath(path, folder))
blob = b"\n".join(everything)

# All canaries begin alike: only where that beginning lies in some spelling is each looked for.
begin = os.path.commonprefix(canaries)
assert len(begin) >= 8, begin

check("the control is found", any(s in blob for s in spellings(control)), f"{control} in {files} files, {len(blob)} bytes")
check("no private key lies about", not private, ", ".join(private))
found = [s for s in spellings(begin) if s in blob]
if found:
    found = [c for c in canaries if any(s in blob for s in spellings(c))] or found
check(f"none of {len(canaries)} canaries is found", len(canaries) >= 200 and not found, ", ".join(str(x) for x in found[:20]))
