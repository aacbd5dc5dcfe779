#!/bin/sh
# The topics at a terminal, with kcat. Usage: kcat.sh [brokers]
# kcat reads committed messages only (librdkafka's default). -e ends at the topic's end: leave it out to follow.
brokers="${1:-localhost:9092}"

# Every event: its key, its CloudEvents headers, its value.
kcat -C -q -e -b "$brokers" -t news.articles -o beginning -f '%k %h\n%s\n\n'

# The last state of every article, as JSON lines; a tombstone (an article that was withdrawn) is an empty line.
kcat -C -q -e -b "$brokers" -t news.articles.latest -o beginning -f '%s\n'

# What failed in the last hour: the last line of a key says how things stand.
kcat -C -q -e -b "$brokers" -t news.dead-letters -o "s@$(($(date +%s) - 3600))000" -f '%k %s\n'
