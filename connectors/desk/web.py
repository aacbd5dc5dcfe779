"""The desk over HTTP: pages, lists and forms. Queries read what pages show, `DeskActions` does what forms ask.

Promises: every response forbids inline scripts, foreign frames and foreign resources (Content-Security-Policy), and the
templates escape every value, because outlets write titles, URLs and errors. A form needs the role and a token; both are
checked by connectors/desk/ports.py.
"""

# No `from __future__ import annotations`: FastAPI evaluates TimeRange's annotations without this module's names.

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from hmac import compare_digest
from importlib.resources import files
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import parse_qs, quote, urlencode

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from pydantic import AfterValidator, AwareDatetime
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from connectors.desk import formatting, queries
from connectors.desk.ports import (
    AccessControl,
    DeskActions,
    DeskUser,
    RunStarter,
    csrf_token,
    is_csrf_safe,
    sign_notice,
)
from connectors.desk.queries import DAY, HOUR, PUBLISHED, WORST_FIRST, EntryFilter, OutboxFilter, last_hours
from connectors.store.database import Database
from connectors.store.explanations import WhyStore
from pipeline.catalogue.catalogue import NewFeed
from pipeline.domain.errors import NewswireError
from pipeline.domain.model import FeedStatus, Topic, Verdict
from pipeline.scheduling.operator_actions import FeedAction, can_apply

log = logging.getLogger("newswire.desk")

SECURITY_HEADERS = {
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
MAX_FORM_BYTES = 20_000  # the largest form of ours has a few hundred

router = APIRouter()
P = ParamSpec("P")
R = TypeVar("R")
K = TypeVar("K", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Desk:
    database: Database
    actions: DeskActions
    runs: RunStarter
    access: AccessControl
    clock: Callable[[], datetime]


class DeskRequest:
    """A request of an authenticated user."""

    def __init__(self, desk: Desk, request: Request, user: DeskUser) -> None:
        self.desk = desk
        self.request = request
        self.user = user
        self.now = desk.clock()
        self.base = request.scope.get("root_path", "")
        self.form: Mapping[str, str] = {}  # of an action

    def read(self, query: Callable[Concatenate[Connection, P], R], *given: P.args, **named: P.kwargs) -> R:
        with self.desk.database.reading() as connection:
            return query(connection, *given, **named)

    def page(self, template: str, **shown: Any) -> HTMLResponse:
        secret = self.desk.access.secret
        # The result of the action before this page, unless the signature is not ours.
        notice, signature = (self.request.query_params.get(name, "") for name in ("notice", "signature"))
        is_ours = compare_digest(signature.encode("utf-8", "replace"), sign_notice(notice, self.user, secret).encode())
        html = templates().get_template(template)
        text = html.render(
            base=self.base,
            user=self.user,
            token=csrf_token(self.user, secret),
            now=self.now,
            name_of=self.desk.actions.outlet_name,
            notice=notice if is_ours else "",
            here=self.request.url.path.removeprefix(self.base) or "/",
            since=last_hours(self.now)[0].isoformat(),
            an_hour_ago=(self.now - HOUR).isoformat(),
            a_day_ago=(self.now - DAY).isoformat(),
            **shown,
        )
        return HTMLResponse(text)

    def back(self, path: str, notice: str) -> Response:
        """Redirect to a page that shows the result of an action. 303: reloading does not repeat the action."""
        query = urlencode({"notice": notice, "signature": sign_notice(notice, self.user, self.desk.access.secret)})
        return RedirectResponse(f"{self.base}{path}?{query}", status_code=303)

    async def act(self, what: str, action: Callable[..., str], *given: Any, **named: Any) -> str:
        """Run an action in a thread and log who did what; returns its result."""
        result = await run_in_threadpool(action, *given, by=self.user.name, **named)
        log.info("desk: %s by %s: %s", what, self.user.name, result)
        return result

    async def ensure_run(self, outlet_id: str) -> str:
        """Have a run process what an action made due; returns when that is."""
        return await run_in_threadpool(self.desk.runs.ensure_run, outlet_id, by=self.user)


async def authenticated(request: Request) -> DeskRequest:
    """Authenticate the user. Raises HTTPException 401 or 403."""
    desk: Desk = request.app.state.desk
    return DeskRequest(desk, request, await desk.access.authenticate(request))


async def submitted(request: Request) -> DeskRequest:
    """A request with a form; checks the user's role and the form's token. Raises HTTPException 401, 403 or 413."""
    asked = await authenticated(request)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            raise HTTPException(413)
    asked.form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
    if not asked.user.can_edit:
        raise HTTPException(403, "Your role is read-only")
    if not is_csrf_safe(request, asked.form.get("token", ""), asked.user, asked.desk.access.secret):
        raise HTTPException(
            403, "This form was not sent from the desk, or belongs to another login: load the page again"
        )
    return asked


@dataclass(frozen=True, slots=True)
class TimeRange:
    """The time range in a page's query."""

    since: AwareDatetime | None = None
    until: AwareDatetime | None = None

    @property
    def fields(self) -> dict[str, object]:
        return {name: time.isoformat() if time else None for name, time in asdict(self).items()}


Asked = Annotated[DeskRequest, Depends(authenticated)]
Submitted = Annotated[DeskRequest, Depends(submitted)]
PageNumber = Annotated[int, AfterValidator(lambda page: max(1, page))]
InRange = Annotated[TimeRange, Depends()]


@cache
def templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("connectors.desk"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= formatting.FILTERS
    environment.globals |= {
        "Verdict": Verdict,
        "FeedAction": FeedAction,
        "WORST_FIRST": WORST_FIRST,
        "PAGE_SIZE": queries.PAGE_SIZE,
        "can_apply": can_apply,
        "outcome": formatting.outcome,
    }
    return environment


def create_desk(desk: Desk) -> FastAPI:
    """The desk as an application to mount. Every route authenticates."""
    app = FastAPI(title="newswire desk", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.desk = desk

    @app.middleware("http")
    async def add_security_headers(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await answer(request)
        response.headers.update(SECURITY_HEADERS)
        return response

    @app.exception_handler(NewswireError)
    async def show_error(_request: Request, error: NewswireError) -> Response:
        return Response(str(error), status_code=503, media_type="text/plain")

    app.include_router(router)
    return app


# ------------------------------------------------------------ pages


@router.get("/assets/{name}", dependencies=[Depends(authenticated)])
def asset(name: str) -> Response:
    if name not in ASSETS:
        raise HTTPException(404)
    text = files("connectors.desk").joinpath("assets", name).read_text(encoding="utf-8")
    return Response(text, media_type=ASSETS[name])


@router.get("/")
def overview(asked: Asked) -> Response:
    return asked.page("overview.html", shown=asked.read(queries.read_overview, now=asked.now))


@router.get("/outlets")
def outlets(asked: Asked, status: FeedStatus | None = None, name: str = "", page: PageNumber = 1) -> Response:
    found = asked.read(queries.read_outlets, status, name.strip(), page=page, now=asked.now)
    shown = dict(zip(("lines", "total", "counts"), found, strict=True))
    return asked.page("outlets.html", **shown, status=status, name=name, number=page)


@router.get("/outlets/{outlet_id}")
def outlet(asked: Asked, outlet_id: str) -> Response:
    found = asked.read(queries.read_outlet, outlet_id, now=asked.now)
    if found is None:
        raise HTTPException(404, "The store has no feed of this outlet")
    return asked.page("outlet.html", shown=found)


@router.get("/runs")
def runs(asked: Asked, since: AwareDatetime | None = None) -> Response:
    lines, total = asked.read(queries.read_runs, since=since)
    return asked.page("runs.html", lines=lines, total=total, from_time=since)


@router.get("/run")
def run(asked: Asked, run_id: str) -> Response:
    return asked.page("run.html", run_id=run_id, shown=asked.read(queries.read_run, run_id))


@router.get("/why")
def why(asked: Asked, q: str = "") -> Response:
    lines = WhyStore(asked.desk.database).explain(q.strip()) if q.strip() else ()
    return asked.page("why.html", q=q, lines=lines)


@router.get("/add")
def add(asked: Asked, url: str = "") -> Response:
    return asked.page("add.html", url=url, findings=None, fault="")


# ------------------------------------------------------------ lists


@router.get("/entries")
def entries(
    asked: Asked,
    during: InRange,
    outlet: str = "",
    verdict: str = "",
    reason: str | None = None,
    first: bool = False,
    page: PageNumber = 1,
) -> Response:
    choice = EntryFilter(
        outlet_id=outlet or None,
        verdicts=matching(verdict, Verdict, PUBLISHED),
        reason=reason,
        is_pending=verdict == "pending",
        is_first=first,
        since=during.since,
        until=during.until,
    )
    fields = {"outlet": outlet, "verdict": verdict, "reason": reason, "first": "1" if first else "", **during.fields}
    found = asked.read(queries.list_entries, choice, page=page)
    return asked.page("entries.html", entries=found, choice=choice, fields=fields, number=page)


@router.get("/feeds")
def feeds(asked: Asked, status: FeedStatus | None = None, gaps: bool = False, page: PageNumber = 1) -> Response:
    found, total = asked.read(queries.list_feeds, status, with_gaps=gaps, page=page)
    fields = {"status": status.value if status else "", "gaps": "1" if gaps else ""}
    return asked.page("feeds.html", feeds=found, total=total, fields=fields, number=page)


@router.get("/messages")
def messages(asked: Asked, during: InRange, topic: str = "", lane: int | None = None, page: PageNumber = 1) -> Response:
    choice = OutboxFilter(
        lane=lane, topics=matching(topic, Topic, (Topic.ARTICLES, Topic.COPIES)), since=during.since, until=during.until
    )
    fields = {"topic": topic, "lane": lane, **during.fields}
    found = asked.read(queries.list_messages, choice, page=page)
    return asked.page("messages.html", messages=found, choice=choice, fields=fields, number=page)


@router.get("/dead-letters")
def dead_letters(asked: Asked) -> Response:
    found = asked.read(queries.list_entries, EntryFilter(verdicts=(Verdict.FAILED,)), page=1)
    return asked.page("dead_letters.html", groups=asked.read(queries.dead_letter_groups), entries=found)


@router.get("/outbox")
def outbox(asked: Asked) -> Response:
    return asked.page("outbox.html", lanes=asked.read(queries.waiting_lanes))


# ------------------------------------------------------------ actions


@router.post("/act/switch")
async def switch(asked: Submitted) -> Response:
    kind, feed_id = FeedAction(asked.form["switch"]), asked.form["feed"]
    result = await asked.act(f"{kind} {feed_id}", asked.desk.actions.switch, feed_id, kind)
    outlet_id = feed_id.partition("/")[0]
    if kind is not FeedAction.PAUSE:
        result += f": {await asked.ensure_run(outlet_id)}"
    return asked.back(f"/outlets/{quote(outlet_id, safe='')}", result)


@router.post("/act/redrive")
async def redrive(asked: Submitted) -> Response:
    form, action = asked.form, asked.desk.actions.redrive
    outlet_id, entry_id = form["outlet"], int(form["entry"]) if form.get("entry") else None
    result = await asked.act(f"redrive {outlet_id}", action, outlet_id, reason=form.get("reason"), entry_id=entry_id)
    return asked.back("/dead-letters", f"{result}: {await asked.ensure_run(outlet_id)}")


@router.post("/act/check")
async def check(asked: Submitted) -> Response:
    url = asked.form.get("url", "").strip()
    findings = await run_in_threadpool(asked.desk.actions.check_feed, url)
    return asked.page("add.html", url=url, findings=findings, fault="")


@router.post("/act/add")
async def add_feed(asked: Submitted) -> Response:
    form = asked.form
    new = NewFeed(
        outlet_id=form["outlet"].strip(),
        feed=form["feed"].strip() or "main",
        url=form["url"].strip(),
        name=form.get("name", "").strip() or None,
        country=form.get("country", "").strip() or "FR",
        language=form.get("language", "").strip() or "fr",
    )
    try:
        result = await asked.act(f"add {new.url}", asked.desk.actions.add_feed, new)
    except NewswireError as error:
        return asked.page("add.html", url=new.url, findings=None, fault=str(error))
    result += f": {await asked.ensure_run(new.outlet_id)}"
    return asked.back(f"/outlets/{quote(new.outlet_id, safe='')}", result)


def matching(word: str, kind: type[K], published: tuple[K, ...]) -> tuple[K, ...]:
    """The verdicts or topics of a query: one, or all on which articles are published."""
    if word == "published":
        return published
    return (kind(word),) if word in set(kind) else ()
