"""The operators' desk: pages that show what the store knows, and act on it. FastAPI and Jinja2; nothing of Airflow.

`web.py` has the pages, `views.py` what they show, `acts.py` what the desk asks of the deployment, `door.py` who may.
"""
