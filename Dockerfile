# syntax=docker/dockerfile:1
# One image for every Airflow component and for the `newswire` command: `docker compose build`.
# Dependencies come from locks/image.txt with their hashes and change seldom; our own code is the last, small layer.

FROM python:3.12.11-slim-bookworm AS dependencies
RUN pip install --no-cache-dir uv==0.13.9
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never
RUN uv venv /opt/venv
COPY locks/image.txt /tmp/image.txt
RUN --mount=type=cache,target=/root/.cache/uv \
    uv pip sync --python /opt/venv/bin/python --require-hashes /tmp/image.txt

FROM dependencies AS wheel
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY connectors connectors
COPY pipeline pipeline
RUN --mount=type=cache,target=/root/.cache/uv uv build --wheel --out-dir /tmp/wheel

FROM python:3.12.11-slim-bookworm AS newswire
# Group 0, as Airflow's own image has it, so that a platform may choose the user's number.
RUN useradd --uid 50000 --gid 0 --no-create-home --home-dir /opt/airflow newswire \
 && install -d -o 50000 -g 0 -m 0775 /opt/airflow /opt/airflow/logs /var/lib/newswire
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    AIRFLOW_HOME=/opt/airflow \
    NEWSWIRE_HOME=/var/lib/newswire \
    NEWSWIRE_CATALOGUE=/opt/newswire/dags/feeds.toml
COPY --from=dependencies /opt/venv /opt/venv
RUN --mount=type=bind,from=wheel,source=/tmp/wheel,target=/tmp/wheel \
    --mount=type=bind,from=dependencies,source=/usr/local/bin/uv,target=/usr/local/bin/uv \
    uv pip install --no-cache --no-deps --python /opt/venv/bin/python /tmp/wheel/*.whl
COPY dags /opt/newswire/dags
USER 50000:0
WORKDIR /opt/airflow
CMD ["newswire", "check"]

# The sample outlets, for the compose profile of this name.
FROM newswire AS newsroom
COPY tests/newsroom /opt/newswire/tests/newsroom
WORKDIR /opt/newswire
CMD ["python", "-m", "tests.newsroom", "--port", "8800"]

# What is built when nobody names a target.
FROM newswire
