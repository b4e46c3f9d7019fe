/* What a compiled VCL needs of the C library's header of this name: tcc's own stddef.h has all of it. */
#include <stddef.h>
