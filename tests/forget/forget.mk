# After a portrait was answered for, nothing of it is in the server's memory or on a disk.
CHECK_STEPS += forget
CHECK_forget = tests/forget/run
NEEDS_forget = $(B)/idphotod $(B)/sandbox $(B)/draw-portrait
