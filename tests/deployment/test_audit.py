"""The audit tells what it found from what it could not look at."""

from __future__ import annotations

import pytest

from tests.audit import FINE, family, pinned, understand


@pytest.mark.parametrize(
    ("said", "licence"),
    [
        ("Apache-2.0", "Apache-2.0"),
        ("Apache Software License", "Apache-2.0"),
        ("BSD-3-Clause AND MIT", "BSD"),
        ("MIT License", "MIT"),
        ("GNU Lesser General Public License v3 (LGPLv3)", "LGPL"),
        ("GPL-3.0-or-later", "GPL"),
        ("AGPL-3.0", "AGPL"),
        ("GNU Affero General Public License v3", "AGPL"),
        ("GPL-2.0-or-later OR MIT", "MIT"),
        ("Artistic License OR GNU General Public License (GPL)", "Artistic"),
        ("Business Source License 1.1", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_licence_is_known_by_any_of_its_names(said: str, licence: str) -> None:
    assert family(said) == licence
    assert (licence in FINE) == (licence not in ("GPL", "AGPL", "unknown"))


def test_what_was_skipped_or_is_not_named_was_not_checked() -> None:
    answer = {
        "dependencies": [
            {"name": "lxml", "version": "6.1.3", "vulns": []},
            {"name": "some.name", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]},
            {"name": "airflow", "skip_reason": "not found"},
        ]
    }
    audited = understand(answer, {"lxml": "6.1.3", "some_name": "1.0", "airflow": "3.3.2", "forgotten": "1"})
    assert audited.checked == 2
    assert audited.found == ["some.name 1.0: PYSEC-1, mended in 1.1"]
    assert audited.unchecked == ["airflow", "forgotten"]


def test_all_that_is_locked_is_looked_at() -> None:
    assert len(pinned("image.txt")) >= len(pinned("run.txt")) > 100
