"""What Airflow loads besides the DAGs."""
