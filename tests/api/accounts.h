/* SPDX-License-Identifier: MIT */
/* Steps about accounts, for the tests of the group "life". */
#ifndef API_ACCOUNTS_H
#define API_ACCOUNTS_H

#include "step.h"

extern const struct step account_receipts[], account_minors[], account_consents[],
    account_sessions[];

#endif
