// The rings that guests and their backends share, and xenstore's wire: Xen's public io headers.
#pragma once

#include "xen/abi/xen.hpp"

// The headers use what a pedantic compiler warns about.
#pragma GCC system_header

#include <xen/io/blkif.h>
#include <xen/io/console.h>
#include <xen/io/protocols.h>
#include <xen/io/xenbus.h>
#include <xen/io/xs_wire.h>

static_assert(sizeof(blkif_request_t) == 112 && sizeof(blkif_request_indirect_t) <= sizeof(blkif_request_t));
static_assert(sizeof(blkif_response_t) == 16);
static_assert(sizeof(xencons_interface) == 3088 && sizeof(xsd_sockmsg) == 16);
static_assert(offsetof(xenstore_domain_interface, req_cons) == 2048 &&
              offsetof(xenstore_domain_interface, error) == 2072);
