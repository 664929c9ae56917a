"""The benchmark harness: real servers and proxies, measured in turn. See Benchmarks/README.md."""
