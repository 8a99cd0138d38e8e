# SPDX-License-Identifier: MIT
# The operators' scripts against a whole installation.
CHECK_STEPS += admin
CHECK_admin = tests/api/admin_scripts.sh
NEEDS_admin = $(B)/idphotod $(B)/sandbox
