# shellcheck shell=bash
# Sourced: axe-core, and what it takes to speak with Chromium, kept for all checkouts of this user.
# shellcheck source=../python.sh
source "$(dirname "${BASH_SOURCE[0]}")/../python.sh"
page_home=${XDG_CACHE_HOME:-$HOME/.cache}/sluice/page-1

# Of the first package it is axe-core alone that is wanted: no Playwright comes along.
install_page_tools() {
    install_python "$page_home" --no-deps 'axe-playwright-python==0.1.8' 'websocket-client==1.9.0'
}
