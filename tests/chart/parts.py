"""What is made before the lab is up, and where the tests find it."""

SWITCH = "KANTO_TEST_CHART"
HELM = "KANTO_CHART_HELM"
ARCHIVE = "KANTO_CHART_IMAGES"
SCHEMAS = "KANTO_CHART_SCHEMAS"

TAG = "chart-test"
IMAGES = ("kanto", "couchdb-standin", "redis-standin")
"""Targets of the Dockerfile."""
