"""Tests of the DAGs, in an Airflow of their own."""
