"""Plain English out of Debian packages, chosen by licence: pages of paragraphs and a manifest of where they are from.

    python natural.py -o DIR          # apt-get download, unpacked with dpkg-deb; DIR/natural.jsonl, DIR/manifest.json

Markup, code, tables, lists of names and repeated paragraphs are left out. Standard library only.
"""

import argparse
import gzip
import hashlib
import html.parser
import json
import pathlib
import re
import subprocess
import tempfile

# package -> (licence of its text as its copyright file has it, files to read)
PACKAGES = {
    "apache2-doc": ("Apache-2.0", "*.html"),
    "dict-devil": ("public domain", "*.dict.dz"),
    "dict-jargon": ("public domain", "*.dict.dz"),
    "perl-doc": ("Artistic or GPL-1+", "*.pod"),
    "postgresql-doc-15": ("PostgreSQL", "*.html"),
    "python3.11-doc": ("PSF-2.0", "*.html"),
    "sqlite3-doc": ("public domain", "*.html"),
}
# What models/demo/eval/text.txt is made of; text.NOTICE has what the licences want said.
HANDED_ON = ("sqlite3-doc", "apache2-doc", "postgresql-doc-15")
LIMIT = 4_000_000  # bytes a package, so that no manual drowns the others


class Paragraphs(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.out, self.inside = [], None

    def handle_starttag(self, tag, attrs):
        if tag == "p":
            self.inside = []
        elif tag in ("pre", "table", "script", "style", "ul", "dl"):
            self.inside = None

    def handle_endtag(self, tag):
        if tag == "p" and self.inside:
            self.out.append("".join(self.inside))
            self.inside = None

    def handle_data(self, data):
        if self.inside is not None:
            self.inside.append(data)


def paragraphs(path):
    if path.suffix == ".dz":
        text = gzip.decompress(path.read_bytes()).decode("utf-8", "replace")
        return re.split(r"\n\s*\n|\n(?=\S)", text)
    text = path.read_text("utf-8", "replace")
    if path.suffix == ".pod":
        kept = [p for p in re.split(r"\n\s*\n", text) if p[:1].isalpha()]  # "=" starts a command, a space code
        for _ in range(3):
            kept = [re.sub(r"[A-Z](?:<<+ (.*?) >>+|<([^<>]*)>)", lambda m: m[1] or m[2] or "", p) for p in kept]
        return kept
    parser = Paragraphs()
    parser.feed(text)
    return parser.out


def clean(text):
    """A paragraph of plain English, or None."""
    text = re.sub(r"\s+", " ", text.replace("\u00b6", "").translate(
        {0x2019: "'", 0x2018: "'", 0x201c: '"', 0x201d: '"', 0x2013: "-", 0x2014: " - ", 0xa0: " "})).strip()
    if not 80 <= len(text) <= 3000 or not text.isascii():
        return None
    letters = sum(c.isalpha() or c in " ,.'" for c in text) / len(text)
    common = len(re.findall(r"\b(?:the|a|of|to|is|and|in|that|it|for|be)\b", text)) / len(text.split())
    good = letters > 0.95 and common > 0.2 and text[-1] in ".!?:\"" and not re.search(r"[{}\\<>|_]|::|\(\)", text)
    return text if good else None


def gather(folder):
    folder.mkdir(parents=True, exist_ok=True)
    seen, lines, manifest = set(), [], []
    with tempfile.TemporaryDirectory() as temporary:
        temporary = pathlib.Path(temporary)
        for package, (licence, pattern) in PACKAGES.items():
            subprocess.run(["apt-get", "download", "-q", package], cwd=temporary, check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
            deb = next(temporary.glob(f"{package}_*.deb"))
            subprocess.run(["dpkg-deb", "-x", deb, temporary / package], check=True)
            version = subprocess.run(["dpkg-deb", "-f", deb, "Version"], capture_output=True, text=True,
                                     check=True).stdout
            size = count = 0
            for path in sorted(p for p in (temporary / package).rglob(pattern) if p.is_file() and not p.is_symlink()):
                page = []
                for text in filter(None, map(clean, paragraphs(path))):
                    key = hashlib.sha256(text.encode()).digest()
                    if key not in seen and size < LIMIT:
                        seen.add(key)
                        page.append(text)
                        size, count = size + len(text), count + 1
                if page:
                    lines.append(json.dumps({"package": package, "text": page}))
            manifest.append({"package": package, "version": version.strip(), "licence": licence, "paragraphs": count,
                             "bytes": size, "sha256": hashlib.sha256(deb.read_bytes()).hexdigest()})
            print(f"{package} {version.strip()}: {count} paragraphs, {size / 1e6:.2f} MB", flush=True)
    (folder / "natural.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


def pages(folder, held_out, but_for=""):
    """Every twentieth page is held out of training, and so is every paragraph of the text `but_for`."""
    rows = [json.loads(line)["text"] for line in open(folder / "natural.jsonl", encoding="utf-8")]
    known = set(but_for.split("\n"))
    kept = [[p for p in row if p not in known] for i, row in enumerate(rows) if (i % 20 == 7) == held_out]
    return [row for row in kept if row]


def excerpt(folder, size=30000):
    """Held-out paragraphs of the packages whose licences allow to hand them on: at most `size` bytes of each."""
    texts = dict.fromkeys(HANDED_ON, "")
    for i, line in enumerate(open(folder / "natural.jsonl", encoding="utf-8")):
        row = json.loads(line)
        if i % 20 == 7 and row["package"] in texts:
            for text in row["text"]:
                if len(texts[row["package"]]) + len(text) < size:
                    texts[row["package"]] += text + "\n"
    return "".join(texts.values())


def calibration(folder, size):
    """Pages of the same packages that are held out as well, of paragraphs that `excerpt` does not take: `size` bytes."""
    known, kept = set(excerpt(folder).split("\n")), []
    for i, line in enumerate(open(folder / "natural.jsonl", encoding="utf-8")):
        row = json.loads(line)
        if i % 20 == 7 and row["package"] in HANDED_ON:
            page = "\n".join(p for p in row["text"] if p not in known)[:4000].rpartition("\n")[0]
            if page:
                kept.append((row["package"] != "apache2-doc", i, page))
    out = []
    for _, _, page in sorted(kept):  # of the smaller package first: it has little left
        if sum(map(len, out)) + len(page) < size:
            out.append(page)
    return out


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("-o", "--out", type=pathlib.Path, required=True)
    gather(p.parse_args().out)
