#include "tools/pvboot/output.hpp"

#include <nlohmann/json.hpp>

namespace pvboot::tools {

void write_json(const nlohmann::json& report) {
  print_out("{}\n", report.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

} // namespace pvboot::tools
