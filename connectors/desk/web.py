"""The desk's pages and acts over HTTP: what is shown comes from `DeskStore`, what is done goes to `DeskActions`.

Every answer forbids scripts, frames of others and anything from elsewhere (Content-Security-Policy), and every value is
escaped by the templates: titles, URLs and errors are what outlets wrote. A form needs the role and a token (door.py).
"""

# No `from __future__ import annotations`: FastAPI must see the types that are local names here.

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Annotated, Any
from urllib.parse import parse_qs, quote, urlencode

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from pydantic import AwareDatetime
from starlette.concurrency import run_in_threadpool

from connectors.desk import formatting
from connectors.desk.access import AccessControl, DeskUser, csrf_token, is_csrf_safe, is_signed_notice, sign_notice
from connectors.desk.actions import DeskActions, Runs
from connectors.desk.lists import PAGE_SIZE
from connectors.desk.queries import DAY, HOUR, DeskStore, this_hour
from connectors.desk.views import WORST_FIRST, EntryFilter, FeedFilter, OutboxFilter, OutletFilter
from connectors.store.explanations import WhyStore
from pipeline.catalogue.catalogue import NewFeed
from pipeline.domain.errors import NewswireError
from pipeline.domain.model import FeedStatus, Topic, Verdict
from pipeline.scheduling.operator_actions import Switch, can_switch

log = logging.getLogger("newswire.desk")

SAFE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; "
    "form-action 'self'; frame-ancestors 'self'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
ASSETS = {
    "desk.css": "text/css",
    "desk.js": "text/javascript",
    "icon.svg": "image/svg+xml",
    "icon-dark.svg": "image/svg+xml",
}
MOST_FORM_BYTES = 20_000


@dataclass(frozen=True, slots=True)
class Span:
    """A time that a page is asked for."""

    since: AwareDatetime | None = None
    until: AwareDatetime | None = None

    @property
    def asked(self) -> dict[str, object]:
        """The span as it stands in a link."""
        return {name: time.isoformat() if time else None for name, time in asdict(self).items()}


class Desk:
    """What the pages are made of: the store, the acts, the door and the clock."""

    def __init__(
        self, store: DeskStore, acts: DeskActions, runs: Runs, door: AccessControl, clock: Callable[[], datetime]
    ) -> None:
        self.store = store
        self.acts = acts
        self.runs = runs
        self.door = door
        self.clock = clock
        self.why = WhyStore(store.database)

    def page(self, request: Request, visitor: DeskUser, template: str, **shown: Any) -> HTMLResponse:
        """A page of this template."""
        base, now = request.scope.get("root_path", ""), self.clock()
        html = (
            templates()
            .get_template(template)
            .render(
                base=base,
                visitor=visitor,
                token=csrf_token(visitor, self.door.secret),
                now=now,
                name_of=self.acts.outlet_name,
                said=self.said(request, visitor),
                here=request.url.path.removeprefix(base) or "/",
                since=(this_hour(now) - 23 * HOUR).isoformat(),
                an_hour_ago=(now - HOUR).isoformat(),
                a_day_ago=(now - DAY).isoformat(),
                **shown,
            )
        )
        return HTMLResponse(html)

    def said(self, request: Request, visitor: DeskUser) -> str:
        """What an act before this page had to say; nothing where a link only says that it was the desk."""
        said, seal = (request.query_params.get(name, "") for name in ("said", "seal"))
        return said if is_signed_notice(said, seal, visitor, self.door.secret) else ""

    def back(self, request: Request, visitor: DeskUser, path: str, said: str) -> Response:
        """To a page of the desk, with what was done. 303: loading it again does nothing again."""
        query = urlencode({"said": said, "seal": sign_notice(said, visitor, self.door.secret)})
        return RedirectResponse(f"{request.scope.get('root_path', '')}{path}?{query}", status_code=303)


@cache
def templates() -> Environment:
    """The templates, escaping everything, knowing our words."""
    environment = Environment(
        loader=PackageLoader("connectors.desk"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "ago": formatting.ago,
        "span": formatting.span,
        "stamp": formatting.stamp,
        "figure": formatting.figure,
        "size": formatting.size,
        "bars": formatting.bars,
        "meaning": formatting.meaning,
        "link": formatting.link,
        "query": formatting.query,
        "part": formatting.part,
        "combine": formatting.combine,
    }
    environment.globals |= {
        "Verdict": Verdict,
        "Switch": Switch,
        "WORST_FIRST": WORST_FIRST,
        "PAGE_SIZE": PAGE_SIZE,
        "can_switch": can_switch,
        "outcome": formatting.outcome,
    }
    return environment


def create_desk(
    store: DeskStore, acts: DeskActions, runs: Runs, door: AccessControl, clock: Callable[[], datetime]
) -> FastAPI:
    """The desk as an application to mount. Nobody gets anything from it whom the door does not let in."""
    app = FastAPI(title="newswire desk", docs_url=None, redoc_url=None, openapi_url=None)
    desk = Desk(store, acts, runs, door, clock)

    async def authenticate(request: Request) -> DeskUser:
        return await door.authenticate(request)

    @app.middleware("http")
    async def make_safe(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await answer(request)
        response.headers.update(SAFE)
        return response

    @app.exception_handler(NewswireError)
    async def tell(_request: Request, error: NewswireError) -> Response:
        return Response(str(error), status_code=503, media_type="text/plain")

    add_assets(app, authenticate)
    add_pages(app, desk, authenticate)
    add_lists(app, desk, authenticate)
    add_acts(app, desk, authenticate)
    return app


LetIn = Callable[[Request], Awaitable[DeskUser]]


def add_assets(app: FastAPI, authenticate: LetIn) -> None:
    """Style, theme and icons: files of this package, nothing from elsewhere."""

    @app.get("/assets/{name}", dependencies=[Depends(authenticate)])
    def asset(name: str) -> Response:
        if name not in ASSETS:
            raise HTTPException(404)
        text = files("connectors.desk").joinpath("assets", name).read_text(encoding="utf-8")
        return Response(text, media_type=ASSETS[name])


def add_pages(app: FastAPI, desk: Desk, authenticate: LetIn) -> None:
    """The pages that show how things stand."""
    Entered = Annotated[DeskUser, Depends(authenticate)]  # noqa: N806 - a type

    @app.get("/")
    def overview(request: Request, visitor: Entered) -> Response:
        return desk.page(request, visitor, "overview.html", shown=desk.store.overview(now=desk.clock()))

    @app.get("/outlets")
    def outlets(
        request: Request,
        visitor: Entered,
        status: FeedStatus | None = None,
        name: str = "",
        page: int = 1,
    ) -> Response:
        found = desk.store.outlets(OutletFilter(status, name.strip()), page=max(1, page), now=desk.clock())
        return desk.page(request, visitor, "outlets.html", shown=found, status=status, name=name, number=max(1, page))

    @app.get("/outlets/{outlet_id}")
    def outlet(request: Request, visitor: Entered, outlet_id: str) -> Response:
        found = desk.store.outlet(outlet_id, now=desk.clock())
        if found is None:
            raise HTTPException(404, "The store knows no feed of this outlet")
        return desk.page(request, visitor, "outlet.html", shown=found)

    @app.get("/runs")
    def runs(request: Request, visitor: Entered, since: AwareDatetime | None = None) -> Response:
        return desk.page(request, visitor, "runs.html", shown=desk.store.runs(since=since), from_time=since)

    @app.get("/run")
    def run(request: Request, visitor: Entered, run_id: str) -> Response:
        return desk.page(request, visitor, "run.html", run_id=run_id, shown=desk.store.run(run_id))

    @app.get("/why")
    def why(request: Request, visitor: Entered, q: str = "") -> Response:
        lines = desk.why.explain(q.strip()) if q.strip() else ()
        return desk.page(request, visitor, "why.html", q=q, lines=lines)

    @app.get("/add")
    def add(request: Request, visitor: Entered, url: str = "") -> Response:
        return desk.page(request, visitor, "add.html", url=url, findings=None, fault="")


def add_lists(app: FastAPI, desk: Desk, authenticate: LetIn) -> None:
    """What the figures count."""
    Entered = Annotated[DeskUser, Depends(authenticate)]  # noqa: N806 - a type

    @app.get("/entries")
    def entries(
        request: Request,
        visitor: Entered,
        span: Annotated[Span, Depends()],
        outlet: str = "",
        verdict: str = "",
        reason: str | None = None,
        first: bool = False,
        page: int = 1,
    ) -> Response:
        choice = EntryFilter(
            outlet_id=outlet or None,
            verdicts=verdicts_of(verdict),
            reason=reason,
            is_pending=verdict == "pending",
            is_first=first,
            since=span.since,
            until=span.until,
        )
        found = desk.store.entries(choice, page=max(1, page))
        asked = {"outlet": outlet, "verdict": verdict, "reason": reason, "first": "1" if first else "", **span.asked}
        return desk.page(
            request,
            visitor,
            "entries.html",
            entries=found,
            choice=choice,
            asked=asked,
            number=max(1, page),
        )

    @app.get("/feeds")
    def feeds(
        request: Request, visitor: Entered, status: FeedStatus | None = None, gaps: bool = False, page: int = 1
    ) -> Response:
        found = desk.store.feeds(FeedFilter(status, with_gaps=gaps), page=max(1, page))
        asked = {"status": status.value if status else "", "gaps": "1" if gaps else ""}
        return desk.page(request, visitor, "feeds.html", shown=found, asked=asked, number=max(1, page))

    @app.get("/messages")
    def messages(
        request: Request,
        visitor: Entered,
        span: Annotated[Span, Depends()],
        topic: str = "",
        lane: int | None = None,
        page: int = 1,
    ) -> Response:
        choice = OutboxFilter(lane=lane, topics=topics_of(topic), since=span.since, until=span.until)
        found = desk.store.messages(choice, page=max(1, page))
        asked = {"topic": topic, "lane": lane, **span.asked}
        return desk.page(
            request, visitor, "messages.html", messages=found, choice=choice, asked=asked, number=max(1, page)
        )

    @app.get("/dead-letters")
    def dead_letters(request: Request, visitor: Entered) -> Response:
        found = desk.store.entries(EntryFilter(verdicts=(Verdict.FAILED,)), page=1)
        return desk.page(request, visitor, "dead_letters.html", groups=desk.store.dead_letter_groups(), entries=found)

    @app.get("/outbox")
    def outbox(request: Request, visitor: Entered) -> Response:
        return desk.page(request, visitor, "outbox.html", lanes=desk.store.waiting_lanes())


def add_acts(app: FastAPI, desk: Desk, authenticate: LetIn) -> None:
    """What those with the role may do. Each act ends where it began, with a sentence of what was done."""

    async def allowed(request: Request) -> tuple[DeskUser, Mapping[str, str]]:  # unpacked by the act it is made for
        visitor = await authenticate(request)
        form = await read_form(request)
        if not visitor.can_edit:
            raise HTTPException(403, "Your role may look, not act")
        if not is_csrf_safe(request, form.get("token", ""), visitor, desk.door.secret):
            raise HTTPException(
                403, "This form was not sent from the desk, or is of another login: load the page again"
            )
        return visitor, form

    @app.post("/act/switch")
    async def switch(request: Request) -> Response:
        visitor, form = await allowed(request)
        kind, feed_id = Switch(form["switch"]), form["feed"]
        said = await do(visitor, f"{kind} {feed_id}", desk.acts.switch, feed_id, kind, by=visitor.name)
        outlet_id = feed_id.partition("/")[0]
        if kind is not Switch.PAUSE:
            said += f": {await run_in_threadpool(desk.runs.ensure_run, outlet_id, by=visitor)}"
        return desk.back(request, visitor, f"/outlets/{quote(outlet_id, safe='')}", said)

    @app.post("/act/redrive")
    async def redrive(request: Request) -> Response:
        visitor, form = await allowed(request)
        entry_id = int(form["entry"]) if form.get("entry") else None
        said = await do(
            visitor,
            f"redrive {form['outlet']}",
            desk.acts.redrive,
            form["outlet"],
            reason=form.get("reason"),
            entry_id=entry_id,
            by=visitor.name,
        )
        said += f": {await run_in_threadpool(desk.runs.ensure_run, form['outlet'], by=visitor)}"
        return desk.back(request, visitor, "/dead-letters", said)

    @app.post("/act/check")
    async def check(request: Request) -> Response:
        visitor, form = await allowed(request)
        url = form.get("url", "").strip()
        findings = await run_in_threadpool(desk.acts.check_feed, url)
        return desk.page(request, visitor, "add.html", url=url, findings=findings, fault="")

    @app.post("/act/add")
    async def add(request: Request) -> Response:
        visitor, form = await allowed(request)
        new = NewFeed(
            outlet_id=form["outlet"].strip(),
            feed=form["feed"].strip() or "main",
            url=form["url"].strip(),
            name=form.get("name", "").strip() or None,
            country=form.get("country", "").strip() or "FR",
            language=form.get("language", "").strip() or "fr",
        )
        try:
            said = await do(visitor, f"add {new.url}", desk.acts.add_feed, new, by=visitor.name)
        except NewswireError as error:
            return desk.page(request, visitor, "add.html", url=new.url, findings=None, fault=str(error))
        said += f": {await run_in_threadpool(desk.runs.ensure_run, new.outlet_id, by=visitor)}"
        return desk.back(request, visitor, f"/outlets/{quote(new.outlet_id, safe='')}", said)


async def do(visitor: DeskUser, what: str, act: Callable[..., str], *given: Any, **named: Any) -> str:
    """Act in a thread, and write down who did what."""
    said = await run_in_threadpool(act, *given, **named)
    log.info("desk: %s by %s: %s", what, visitor.name, said)
    return said


async def read_form(request: Request) -> Mapping[str, str]:
    """A form's fields. Raises HTTPException 413 for one that no page of ours would send."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_FORM_BYTES:
            raise HTTPException(413)
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


def verdicts_of(word: str) -> tuple[Verdict, ...]:
    """The verdicts that a query asks for: one, or all that are published."""
    if word == "published":
        return (Verdict.NEW, Verdict.REVISED, Verdict.COPY)
    return (Verdict(word),) if word in set(Verdict) else ()


def topics_of(word: str) -> tuple[Topic, ...]:
    """The topics that a query asks for: one, or those on which articles are published."""
    if word == "published":
        return (Topic.ARTICLES, Topic.COPIES)
    return (Topic(word),) if word in set(Topic) else ()
