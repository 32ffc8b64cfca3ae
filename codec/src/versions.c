/* Owns the versions of the C libraries that are compiled in, where only their headers tell. */
#include <libdeflate.h>
#include <stdio.h>

#include <jpeglib.h>

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

const char *turbo2ds_libjpeg_turbo_version(void) { return TEXT(LIBJPEG_TURBO_VERSION); }

const char *turbo2ds_libdeflate_version(void) { return LIBDEFLATE_VERSION_STRING; }
