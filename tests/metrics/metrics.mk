# SPDX-License-Identifier: MIT
# What GET /metrics tells of real traffic, the alert rules and the dashboard, by promtool.
CHECK_STEPS += metrics
CHECK_metrics = PROMTOOL=build/promtool tests/metrics/run
NEEDS_metrics = $(B)/idphotod $(B)/sandbox build/promtool

build/promtool: tests/tool/promtool.sh
	$(Q)tests/tool/promtool.sh $@
