# SPDX-License-Identifier: MIT
# The web client, in headless Chromium, against a whole installation.
CHECK_STEPS += web
CHECK_web = tests/web/run
NEEDS_web = $(B)/idphotod $(B)/sandbox $(B)/draw-portrait
