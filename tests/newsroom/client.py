"""A plain client of the newsroom, for its own tests."""

from __future__ import annotations

import http.client

from tests.newsroom.server import Newsroom


class Answer:
    """What came over the wire."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.was_cut = False
        try:
            self.body = response.read()
        except http.client.IncompleteRead as cut:
            self.body, self.was_cut = cut.partial, True


def ask(newsroom: Newsroom, url: str, *, method: str = "GET", **headers: str) -> Answer:
    """Ask the newsroom for a URL of one of its hosts."""
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(newsroom.address, timeout=10)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, f"/{path.partition('#')[0]}", headers={"Host": host} | named)
        return Answer(connection.getresponse())
    finally:
        connection.close()
