"""Every article as it comes, with kafka-python: python kafka_python.py localhost:9092 news.articles"""

import json
import sys

from kafka import KafkaConsumer

brokers, topic = sys.argv[1:]
options = {"isolation_level": "read_committed", "auto_offset_reset": "earliest", "enable_auto_commit": False}
articles = KafkaConsumer(topic, bootstrap_servers=brokers, group_id="my-desk", **options)
for message in articles:
    article = json.loads(message.value)
    print(article["id"], article["revision"], article["language"], article["title"], flush=True)  # noqa: T201 # a program
    articles.commit()  # after the work is done: at least once; `id` and `revision` tell a repeat
