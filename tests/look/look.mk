# SPDX-License-Identifier: MIT
# For the eyes: portrait, matte and photo of each picture of a folder on one sheet; and a drawn
# portrait, for what needs a face and may ship none.
.PHONY: contact-sheet
SHEET ?= build/contact-sheet.jpg
LOOK_AT = $(foreach kind,jpg png webp heic,$(wildcard $(PORTRAITS)/*.$(kind)))

$(B)/contact-sheet: $(B)/tests/look/contact_sheet.o $(PROGRAM_A)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

contact-sheet: $(B)/contact-sheet
	$(Q)$< $(SHEET) $(sort $(LOOK_AT))
	@echo $(SHEET)

$(B)/draw-portrait: $(B)/tests/look/draw_portrait.o $(B)/tests/unit/render_portrait.o $(B)/tests/unit/render_shapes.o
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# The pictures of README.md and the report beside them, made anew by the service itself.
.PHONY: readme-pictures
readme-pictures: all $(B)/sandbox $(B)/draw-portrait
	$(Q)VARIANT=$(VARIANT) tests/tool/with-postgres.sh tests/look/readme-pictures
