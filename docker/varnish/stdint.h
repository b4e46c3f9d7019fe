/* A compiled VCL includes this header of the C library: tcc's own stddef.h has all that it needs. */
#include <stddef.h>
