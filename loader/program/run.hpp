// The loader's life from a started guest on: discover, choose, plan, load, hand over.
#pragma once

#include "xen/guest.hpp"

namespace pvboot::loader {

/// Never comes back: the guest's kernel runs, or the domain is shut down.
[[noreturn]] void run(xen::Guest& guest);

} // namespace pvboot::loader
