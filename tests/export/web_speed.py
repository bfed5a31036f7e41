"""How long a page without a server takes: from its opening to the first mask, and each further sentence.

    python tests/export/web_speed.py page --runs 3

Chromium, all its processes, is held to one core. Two times are told of each: by the clock, and the processor's own,
which other work on the machine does not lengthen.
"""

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from browser import browser, context
from static_site import sent

FILM = Path(__import__("lexseg").__file__).parent / "assets" / "examples" / "images" / "cxr_00003426.png"
WORDS = [f"{what} in the {side} lung" for what in ("infection", "opacity", "pneumonia") for side in ("left", "right")]
ANSWERED = "(n) => document.querySelectorAll('.finding:not([data-state=pending])').length === n"


def spent():
    """Seconds of the processor that children have used up to now, those at work too."""
    ticks, own = os.sysconf("SC_CLK_TCK"), {os.getpid()}
    total, known = 0.0, {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                told = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            known[int(folder.name)] = (int(told[1]), (int(told[11]) + int(told[12])) / ticks)
    for process in known:
        above = process
        while above in known and above not in own:
            above = known[above][0]
        total += known[process][1] if above in own and process not in own else 0
    return total


class Watch:
    """By the clock, and by the processor."""

    def __init__(self):
        self.clock, self.processor = time.perf_counter(), spent()

    def seconds(self):
        return {"clock": round(time.perf_counter() - self.clock, 3), "processor": round(spent() - self.processor, 2)}


def asked(page, words, number):
    watch = Watch()
    page.locator("#sentence").fill(words)
    page.keyboard.press("Enter")
    page.wait_for_function(ANSWERED, arg=number)
    return watch.seconds()


def once(address):
    """First mask, and the further sentences, on a browser that has nothing in its cache."""
    with browser() as driven, context(driven) as page:
        page.set_default_timeout(600_000)
        watch = Watch()
        page.goto(address)
        page.locator("#files").set_input_files(str(FILM))
        page.wait_for_function("() => document.querySelector('#case-name').textContent !== ''")
        asked(page, "bilateral pulmonary infection", 1)
        first = watch.seconds()
        assert page.locator(".finding").get_attribute("data-state") == "found"
        return first, [asked(page, words, number) for number, words in enumerate(WORDS, 2)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of lexseg export MODEL --web")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--core", type=int, default=0, help="which core (default: %(default)s)")
    args = parser.parse_args()
    os.sched_setaffinity(0, {args.core})  # what is started from here on stays there
    runs = []
    with sent(args.folder) as address:
        for _ in range(args.runs):
            runs.append(once(address))
    size = sum(path.stat().st_size for path in args.folder.rglob("*") if path.is_file())
    further = [each for _, all_ in runs for each in all_]
    told = {"folder_mb": round(size / 1e6, 1), "load_of_machine": round(os.getloadavg()[0], 1)}
    for name, values in (("first_mask", [first for first, _ in runs]), ("further_sentence", further)):
        told[name] = {
            kind: round(statistics.median(each[kind] for each in values), 3) for kind in ("clock", "processor")
        }
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
