#!/usr/bin/env python3
"""run_blocks.py on pages written here: what it runs, what it refuses."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

RUN = pathlib.Path(__file__).with_name("run_blocks.py")


def outcome(page):
    with tempfile.TemporaryDirectory() as root:
        (pathlib.Path(root) / "page.md").write_text(page)
        (pathlib.Path(root) / "build").mkdir()
        result = subprocess.run([sys.executable, RUN, root, f"{root}/build", f"{root}/page.md"], capture_output=True, text=True)
        return result.returncode, result.stdout


class RunBlocks(unittest.TestCase):
    def check(self, page, status, *said):
        got, text = outcome(page)
        self.assertEqual(got, status, text)
        for part in said:
            self.assertIn(part, text)

    def test_shell_blocks_share_a_folder(self):
        self.check("```sh\necho a > f\n```\nx\n```sh\ngrep a f\n```\n", 0, "2 blocks ran, 0 problems")
        self.check("```sh\nfalse\ntrue\n```\n", 1, "page.md:1: exit status 1")

    def test_output_is_compared(self):
        self.check("```console\n$ echo a; echo b\na\nb\n$ exit 3\n[exit 3]\n```\n", 0)
        self.check("```console\n$ seq 5\n1\n...\n5\n```\n", 0)
        self.check("```console\n$ echo a\nb\n```\n", 1, "page.md:2: echo a")
        self.check("```console\n$ echo a\n```\n", 1)
        self.check("```console\n$ echo a; exit 1\na\n```\n", 1)
        self.check("```console\na\n```\n", 1, "begins with")

    def test_what_is_not_run(self):
        self.check("```text\nfalse\n```\n", 77)
        self.check("```sh skip: it is dear\nfalse\n```\n", 77, "skipped: page.md:1: it is dear")
        self.check("```sh skip:\nfalse\n```\n", 1, "needs a reason")
        self.check("```console slow: 0123abc intel-amx\n$ false\n1 t/s\n```\n", 77, "slow: page.md:1")
        for bad in ("slow:", "slow: 0123abc", "slow: main intel-amx", "slow: 0123abc fast"):
            self.check(f"```console {bad}\n$ false\n1 t/s\n```\n", 1, "needs a commit")
        self.check("```console slow: 0123abc intel-amx\n$ false\n```\n", 1, "needs a commit")

    def test_blocks_say_what_they_are(self):
        self.check("```\nls\n```\n", 1, "what is this block?")
        self.check("```sh sometimes: x\nls\n```\n", 1, "unknown mark")
        self.check("```sh\nls\n", 1)


if __name__ == "__main__":
    unittest.main()
