"""Repair: what a choice of blocks lacks (the lead, an intertitle, a paragraph between two) and what it has too much.

Every step says what it did and why. Rules are for kinds of markup and kinds of phrases; none knows a site.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.blocks import Block, key_of
from pipeline.markup import Kind

__all__ = ["Repaired", "Step", "repair"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was added to or dropped from the text, by which rule, with the words it begins with."""

    action: str
    rule: str
    words: str


@dataclass(frozen=True, slots=True)
class Repaired:
    """The blocks of the article in order, which one is the lead, and what was done."""

    chosen: tuple[int, ...]
    lead: int | None
    steps: tuple[Step, ...]
    is_cut_short: bool = False  # a sentence of a paywall stood at the end


# Kinds of markup that never hold the article's text, unless they hold most of it.
_NEVER = frozenset(
    {
        Kind.COMMENTS,
        Kind.NEWSLETTER,
        Kind.SHARE,
        Kind.AD,
        Kind.PAYWALL,
        Kind.RELATED,
        Kind.TAGS,
        Kind.CAPTION,
        Kind.CHROME,
        Kind.BYLINE,
    }
)
_MOST = 0.4

PROMO = re.compile(
    r"""^\W*(?:
      (?:à\s+)?(?:lire|voir|écouter|découvrir|relire|revoir)\s+(?:aussi|également|sur|plus|la\s+suite)\b
    | (?:lire|voir)\s*:
    | à\s+lire\b
    | (?:read|see|watch|listen)\s+(?:more|also|next|on)\b[\s:]
    | (?:also|more)\s+(?:read|on|from|in)\b\s*:
    | (?:related|recommended|mehr\ zum\ thema|lesen\ sie\ (?:auch|hier|mehr|dazu)|lesen\ sie|auch\ interessant|mehr\ lesen|leggi\ anche|lee\ también|te\ puede\ interesar|lea\ también|leia\ (?:também|mais)|lees\ ook|baca\ juga)\b
    | (?:sign\ up|subscribe|inscrivez|abonnez|recevez|téléchargez|suivez|follow|join|download|get\ (?:the|our))\b.{0,60}(?:newsletter|app\b|application|whatsapp|telegram|channel|chaîne|inbox|alert|instagram|facebook|twitter|google\ news|infolettre|fil\b)
    | (?:cet|l')\s?article\ (?:est\ )?(?:réservé|vous\ est\ offert)
    | il\ vous\ reste\ [\d.,]+\s?%
    | la\ suite\ est\ réservée
    | (?:advertisement|publicité|anzeige|werbung|publicidad|pubblicità|reklama|annonce|sponsored)\W*$
    | (?:©|\(c\)|copyright\b).{0,120}$
    | (?:all\ rights\ reserved|tous\ droits\ réservés|alle\ rechte\ vorbehalten)
    | (?:partager|share|teilen|compartir|condividi|imprimer|print)(?:\s+(?:this|sur|on|cet|l['’]article|article|via).*)?$
    | (?:photo|image|crédits?|credit|foto|bild|picture|source\ photo)\s*(?:credit|by|crédit)?\s*:
    | (?:read|lire|weiterlesen|continue\ reading|afficher\ plus|voir\ plus|show\ more|load\ more).{0,20}$
    )""",
    re.IGNORECASE | re.VERBOSE,
)
PAYWALL = re.compile(
    r"il vous reste [\d.,]+\s?% de cet article|la suite est réservée|(?:cet |l.)?article (?:est )?réservé aux abonnés|réservé à nos abonnés|pour lire la suite|"
    r"subscribe to (?:continue|read)|to continue reading|already a subscriber|déjà abonné|weiterlesen mit|jetzt weiterlesen|para seguir leyendo|contenido exclusivo para suscriptores|"
    r"abonnez-vous pour (?:lire|accéder)|this (?:article|content) is (?:for|reserved)|exklusiv für abonnenten",
    re.IGNORECASE,
)
_MAX_PROMO_CHARS = 260


def repair(blocks: Sequence[Block], chosen: frozenset[int], *, title: str, description: str) -> Repaired:
    """The article's blocks, from a first choice of them."""
    steps: list[Step] = []
    kept = set(chosen)

    def drop(rule: str, test: Callable[[int, Block], bool]) -> None:
        for index in sorted(kept):
            if test(index, blocks[index]):
                kept.discard(index)
                steps.append(Step("dropped", rule, blocks[index].text[:80]))

    chars = sum(len(blocks[i].text) for i in chosen)
    is_cut = any(PAYWALL.search(blocks[i].text) for i in chosen if len(blocks[i].text) < _MAX_PROMO_CHARS)
    drop("markup", lambda _, block: _is_marked(block, chars))
    drop("promo", lambda _, block: len(block.text) < _MAX_PROMO_CHARS and PROMO.match(block.text) is not None)
    title_key = key_of(title)
    drop("title", lambda i, block: bool(title_key) and block.key == title_key)
    drop("links", lambda _, block: block.link_share > 0.9 and len(block.text) < 200 and not _ends_sentence(block.text))
    kept |= _between(blocks, kept, steps, chars)
    lead = _find_lead(blocks, kept, description, title_key)
    if lead is not None and lead not in kept:
        kept.add(lead)
        steps.append(Step("added", "lead", blocks[lead].text[:80]))
    return Repaired(tuple(sorted(kept)), lead, tuple(steps), is_cut)


def _ends_sentence(text: str) -> bool:
    return text.endswith((".", "!", "?", "…", "»", "”", '"'))


def _is_marked(block: Block, chars: int) -> bool:
    return any(mark.kind in _NEVER and mark.chars < _MOST * chars for mark in block.marks)


def _between(blocks: Sequence[Block], kept: set[int], steps: list[Step], chars: int) -> set[int]:
    """Paragraphs and intertitles that stand among the chosen ones, in the same place as they, and were passed over."""
    if not kept:
        return set()
    places = {(id(blocks[i].node.getparent()), blocks[i].tag) for i in kept}
    added = set()
    for index in range(min(kept), max(kept)):
        block = blocks[index]
        if index in kept or block.link_share > 0.5 or _is_marked(block, chars) or PROMO.match(block.text):
            continue
        beside = (id(block.node.getparent()), block.tag) in places
        heading = block.is_heading and any((id(block.node.getparent()), tag) in places for tag in ("p", "div"))
        if beside or heading:
            added.add(index)
            steps.append(Step("added", "between", block.text[:80]))
    return added


def _find_lead(blocks: Sequence[Block], kept: set[int], description: str, title_key: str) -> int | None:
    """The chapô: a block before or at the first chosen one that is marked so, or that the description repeats."""
    if not kept:
        return None
    first = min(kept)
    description_key = key_of(description)[:60]
    for index in range(first, -1, -1):
        block = blocks[index]
        if len(block.text) < 30 or block.key == title_key or block.link_share > 0.5:
            continue
        told = len(description_key) >= 30 and block.key.startswith(description_key[: max(30, len(description_key) - 5)])
        marked = any(mark.kind is Kind.LEAD and mark.chars < 1200 for mark in block.marks)
        if told or marked:
            return index
    return None
