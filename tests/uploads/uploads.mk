# SPDX-License-Identifier: MIT
# Two hundred portraits at once, and clients that go away: memory stays within server.upload_budget.
CHECK_STEPS += uploads
CHECK_uploads = tests/uploads/run
NEEDS_uploads = $(B)/idphotod $(B)/sandbox $(B)/draw-portrait
