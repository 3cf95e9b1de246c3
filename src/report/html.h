/* Text inside HTML. */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include <stdio.h>

/* Writes `text` so that it means itself, between tags and inside quoted attributes. */
void sanl_html_escape(FILE *file, const char *text);

#endif
