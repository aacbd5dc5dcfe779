"""The operators' desk: pages that show the state of a deployment and change it. FastAPI and Jinja2, without Airflow.

`web.py` has the pages, `views.py` what they show, `actions.py` its ports, `access.py` users.
"""
