"""HTTP: the one fetcher, with SSRF guard, rate limiter and robots.txt."""
