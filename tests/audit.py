"""`make audit`: known vulnerabilities and licences of everything that is shipped with newswire.

    python -m tests.audit [--skip-vulnerabilities]

Vulnerabilities: pip-audit looks up every pinned version of the locks in the advisories of the package index. An index
without advisories (a mirror, no network) leaves versions unchecked. They are counted and named, so that "none found"
always means "checked". Licences: read from the metadata of the installed packages, and compared with a list of what may
be shipped with Apache-2.0. Exit 1 on a vulnerability or a licence that is not on the list. Exit 3 when vulnerabilities
could not be checked, in whole or in part.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCKS = ("run.txt", "image.txt")
UNCHECKED = 3

# What a licence's many spellings come to. Order matters: the first that is found in the text is it.
FAMILIES: tuple[tuple[str, str], ...] = (
    (r"\bAGPL|Affero", "AGPL"),
    (r"\bLGPL|Lesser General Public", "LGPL"),
    (r"\bGPL|GNU General Public", "GPL"),
    (r"\bMPL|Mozilla Public", "MPL-2.0"),
    (r"\bEPL|Eclipse Public", "EPL"),
    (r"Apache", "Apache-2.0"),
    (r"0BSD|Zero-Clause", "0BSD"),
    (r"\bBSD", "BSD"),
    (r"\bMIT\b|Expat", "MIT"),
    (r"\bISC\b", "ISC"),
    (r"PSF|Python Software Foundation|Python-2\.0|CNRI", "PSF"),
    (r"Zope|ZPL", "ZPL"),
    (r"Unlicense|CC0|public domain", "public domain"),
    (r"Artistic", "Artistic"),
    (r"HPND|Historical Permission", "HPND"),
)
# May be shipped beside our Apache-2.0. MPL and LGPL bind changes of their own files, which we make none of.
FINE = {"Apache-2.0", "0BSD", "BSD", "MIT", "ISC", "PSF", "ZPL", "public domain", "HPND", "Artistic", "MPL-2.0", "LGPL"}
# Packages whose metadata name no licence, with what their own repository says.
KNOWN_BY_HAND: dict[str, str] = {}


@dataclass(slots=True)
class Audited:
    """What is known of vulnerabilities."""

    checked: int = 0
    unchecked: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    fault: str = ""


def pinned(lock: str) -> dict[str, str]:
    """Name → version of a lock."""
    return dict(re.findall(r"^([\w.-]+)==([\w.+!-]+)", (ROOT / "locks" / lock).read_text("utf-8"), re.MULTILINE))


# ---------------------------------------------------------------- licences


def said_of(one: Distribution) -> str:
    """Everything that a distribution's metadata say of its licence, the clearest first."""
    metadata: dict[str, Any] = one.metadata.json
    classifiers = [text for text in metadata.get("classifier", ()) if text.startswith("License ::")]
    # Some put the whole text there: its first lines name it.
    prose = str(metadata.get("license", ""))[:200]
    expression = str(metadata.get("license_expression", ""))
    return expression or " OR ".join(text.rpartition("::")[2] for text in classifiers) or prose


def family(said: str) -> str:
    """The licence's family; of a choice (`MIT OR GPL-2.0`) the most liberal."""
    choices = [named(part) for part in re.split(r"\bOR\b|;", said)]
    return next((choice for choice in choices if choice in FINE), choices[0])


def named(text: str) -> str:
    """One licence's family, or `unknown`."""
    return next((name for pattern, name in FAMILIES if re.search(pattern, text, re.IGNORECASE)), "unknown")


def licences(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Package and licence family; `not installed` for what is only in the image."""
    for name in names:
        try:
            yield name, KNOWN_BY_HAND.get(name) or family(said_of(distribution(name)))
        except PackageNotFoundError:
            yield name, "not installed"


def tell_licences(names: Sequence[str]) -> bool:
    """Print them by family; whether all may be shipped."""
    by_family: defaultdict[str, list[str]] = defaultdict(list)
    for name, licence in licences(names):
        by_family[licence].append(name)
    print(f"licences of {len(names)} packages")
    for licence, some in sorted(by_family.items(), key=lambda pair: -len(pair[1])):
        mark = "·" if licence in FINE or licence == "not installed" else "✗"
        shown = "" if licence in FINE and len(some) > 12 else ": " + ", ".join(some)
        print(f"  {mark} {len(some):4} {licence}{shown}")
    return not set(by_family) - FINE - {"not installed"}


# ---------------------------------------------------------------- vulnerabilities


def ask_advisories(lock: str) -> Audited:
    """What pip-audit says of a lock."""
    command = [sys.executable, "-m", "uv", "tool", "run", "pip-audit", "--requirement", f"locks/{lock}"]
    options = ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        return understand(json.loads(done.stdout), pinned(lock))
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return Audited(unchecked=sorted(pinned(lock)), fault=f"pip-audit could not run: {last[:200]}")


def understand(answer: dict[str, Any], wanted: dict[str, str]) -> Audited:
    """pip-audit's answer: a version it skipped, or does not name, was not checked."""
    audited = Audited()
    named_there = set()
    for each in answer["dependencies"]:
        named_there.add(plain(each["name"]))
        if "skip_reason" in each:
            audited.unchecked.append(each["name"])
            continue
        audited.checked += 1
        for vulnerability in each["vulns"]:
            fixed = ", ".join(vulnerability["fix_versions"]) or "no version yet"
            audited.found.append(f"{each['name']} {each['version']}: {vulnerability['id']}, mended in {fixed}")
    audited.unchecked += [name for name in wanted if plain(name) not in named_there]
    return audited


def plain(name: str) -> str:
    """A package's name as all spellings of it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def tell_vulnerabilities(lock: str, audited: Audited) -> None:
    """Print what was found, and what was not looked at."""
    print(f"vulnerabilities in locks/{lock}: {audited.checked} packages checked, {len(audited.found)} known ones")
    for found in audited.found:
        print(f"  ✗ {found}")
    if audited.unchecked:
        why = audited.fault or "the package index has no advisories for them (a mirror?)"
        print(f"  NOT CHECKED: {len(audited.unchecked)} packages, {why}")
        print(f"    {', '.join(audited.unchecked[:12])}{' …' if len(audited.unchecked) > 12 else ''}")


def main() -> int:
    """Both; the exit code says which of them is not fine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--skip-vulnerabilities", action="store_true", help="licences alone, without the network")
    choice = parser.parse_args()
    names = sorted({name for lock in LOCKS for name in pinned(lock)})
    are_fine = tell_licences(names)
    if choice.skip_vulnerabilities:
        return 0 if are_fine else 1
    audits = [(lock, ask_advisories(lock)) for lock in LOCKS]
    for lock, audited in audits:
        tell_vulnerabilities(lock, audited)
    if not are_fine or any(audited.found for _, audited in audits):
        return 1
    return UNCHECKED if any(audited.unchecked for _, audited in audits) else 0


if __name__ == "__main__":
    sys.exit(main())
