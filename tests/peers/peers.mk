# SPDX-License-Identifier: MIT
# Other implementations of both providers' protocols judge ours.
CHECK_STEPS += peers
CHECK_peers = tests/peers/run
NEEDS_peers = $(B)/idphotod $(B)/sandbox
