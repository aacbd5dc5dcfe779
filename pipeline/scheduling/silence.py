"""The silence after which a feed is called silent, learnt from its own history.

Three times its longest usual silence. Until its week is known that is measured by the clock; then in hours that usually
bring something (pipeline/scheduling/rhythm.py), so that nights and weekends count as the feed itself keeps them. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.domain.model import FeedState
from pipeline.scheduling.rhythm import HOUR, Rhythm, hour_start, learn_hours

MIN_SILENCE = timedelta(hours=3)
MAX_SILENCE = timedelta(days=30)
GAPS = 3  # silent: three times the longest usual gap

_FIRST_LEARNT = timedelta(hours=12)  # one gap is no history: start from a night
_DECAY = 0.98  # of what was learnt, at each arrival: a holiday is forgotten in a hundred arrivals


@dataclass(frozen=True)  # without slots: its fields are laid over those of a FeedState
class Silence:
    """What is learnt of a feed's silences; fields as in FeedState."""

    silence_s: int | None
    longest_gap_s: int | None
    rhythm: str | None
    lull_h: float | None


def learn_silence(state: FeedState, *, has_news: bool, now: datetime) -> Silence:
    """What an answer teaches: each that its hours passed, one with news how long the silence was before it.

    What we did not see, because we were away or the feed was broken, teaches nothing.
    """
    before = Silence(state.silence_s, state.longest_gap_s, state.rhythm, state.lull_h)
    if state.last_success_at is None or was_away(state.last_success_at, state.interval_s, now):
        return before
    if not has_news and hour_start(state.last_success_at) == hour_start(now):
        return before
    rhythm = learn_hours(Rhythm.from_text(state.rhythm), state.last_success_at, now, state.last_new_entry_at)
    if not has_news or state.last_new_entry_at is None:
        return Silence(state.silence_s, state.longest_gap_s, rhythm.to_text(), state.lull_h)
    longest_gap_s = learn_gap(state.longest_gap_s, now - state.last_new_entry_at)
    lull_h = learn_lull(state.lull_h, rhythm.busy_hours(state.last_new_entry_at, now))
    silence_s = silence_from(rhythm, lull_h, now) if rhythm.is_learnt else longest_gap_s
    return Silence(silence_s, longest_gap_s, rhythm.to_text(), lull_h)


def was_away(seen_at: datetime, interval_s: int, now: datetime) -> bool:
    """Whether we last saw the feed so long ago that a silence may be ours."""
    return (now - seen_at).total_seconds() > max(4 * interval_s, MIN_SILENCE.total_seconds())


def learn_gap(known_s: int | None, gap: timedelta) -> int:
    """Three of the longest usual gaps by the clock, in seconds."""
    before_s = _DECAY * known_s if known_s else _FIRST_LEARNT.total_seconds()
    longest_s = max(GAPS * gap.total_seconds(), before_s, MIN_SILENCE.total_seconds())
    return int(min(longest_s, MAX_SILENCE.total_seconds()))


def learn_lull(known_h: float | None, busy_h: float) -> float:
    """Three of the longest usual silences in busy hours."""
    return round(max(GAPS * busy_h, _DECAY * (known_h or 0.0), MIN_SILENCE / HOUR), 3)


def silence_from(rhythm: Rhythm, lull_h: float, now: datetime) -> int:
    """Seconds from this arrival until the lull is over, by what the coming hours usually bring."""
    ends = rhythm.after_busy_hours(now, lull_h, latest=now + MAX_SILENCE)
    return int(max(ends - now, MIN_SILENCE).total_seconds())
