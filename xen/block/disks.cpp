#include "xen/block/disks.hpp"

#include "base/text.hpp"
#include "xen/block/vdev.hpp"

#include <algorithm>

namespace pvboot::xen {

namespace {

constexpr std::string_view directory = "device/vbd";
constexpr std::string_view token_prefix = "pvboot-disk-";
// More than any toolstack gives; a store that names more is not believed.
constexpr std::size_t most_disks = 256;
// An event that got lost, or stands behind a flood of another backend's, costs no more than this.
constexpr Duration look_again = seconds(1);

Result<DiskNode> read_node(XenStore& store, const std::string& id) {
  DiskNode node;
  node.frontend = std::string(directory) + "/" + id;
  const auto number = parse_number(id);
  node.vdev = TRY(store.read_number_or(node.frontend + "/virtual-device", number.value_or(0)));
  node.name = vdev_name(node.vdev);
  node.backend = TRY(store.read(node.frontend + "/backend"));
  const std::uint64_t domain = TRY(store.read_number_or(node.frontend + "/backend-id", 0));
  if (domain >= DOMID_FIRST_RESERVED)
    return fail(Code::corrupt, "its backend-id is no domain");
  node.backend_domain = {static_cast<domid_t>(domain)};
  const auto type = store.read(node.frontend + "/device-type");
  node.cdrom = type && *type == "cdrom";
  return node;
}

/// A frontend on its way to somewhere.
struct Traveller {
  std::unique_ptr<BlkFront> disk;
  bool arrived = false;
  bool watched = false;
  std::optional<Error> error{};
};

std::string token_of(std::size_t index) { return std::string(token_prefix) + dec(index); }

// Advances all until each has arrived or failed, looking at one whenever its backend's state changes.
template <typename Advance> void advance_together(const DeviceServices& services, std::vector<Traveller>& travellers,
                                                  Duration limit, Advance advance) {
  const Instant deadline = services.clock.now() + limit;
  const auto step = [&](Traveller& t) {
    if (t.arrived || t.error)
      return;
    auto outcome = advance(*t.disk);
    if (!outcome)
      t.error = std::move(outcome).error().at(t.disk->node().name);
    else
      t.arrived = *outcome == BlkFront::Step::done;
  };
  for (std::size_t i = 0; i < travellers.size(); ++i) {
    step(travellers[i]);
    if (!travellers[i].arrived && !travellers[i].error)
      travellers[i].watched =
          services.store.watch(travellers[i].disk->node().backend + "/state", token_of(i)).has_value();
  }
  Instant look_at_all = services.clock.now() + look_again;
  while (std::ranges::any_of(travellers, [](const Traveller& t) { return !t.arrived && !t.error; })) {
    const Instant now = services.clock.now();
    if (now >= deadline || !services.store.usable())
      break;
    const auto event = services.store.next_event(std::min(look_at_all, deadline) - now);
    const auto named = std::ranges::find_if(travellers, [&](const Traveller& t) {
      return event && *event && (*event)->token == token_of(static_cast<std::size_t>(&t - travellers.data()));
    });
    if (named != travellers.end() && services.clock.now() < look_at_all) {
      step(*named);
      continue;
    }
    std::ranges::for_each(travellers, step);
    look_at_all = services.clock.now() + look_again;
  }
  for (std::size_t i = 0; i < travellers.size(); ++i) {
    Traveller& t = travellers[i];
    if (t.watched)
      (void)services.store.unwatch(t.disk->node().backend + "/state", token_of(i));
    if (!t.arrived && !t.error)
      t.error = Error(Code::timed_out, "the backend does not answer").at(t.disk->node().name);
  }
}

// The vbds of this domain in the order of their numbers. A node that makes no sense is one of `failures`.
Result<std::vector<DiskNode>> list_disks(XenStore& store, std::vector<DiskFailure>& failures) {
  std::vector<DiskNode> nodes;
  auto ids = store.list(directory);
  if (!ids && ids.error().code() == Code::not_found)
    return nodes;
  std::vector<std::string> names = TRY(std::move(ids));
  names.resize(std::min(names.size(), most_disks));
  for (const std::string& id : names) {
    auto node = read_node(store, id);
    if (node)
      nodes.push_back(std::move(*node));
    // A store that does not answer would cost its time limit once for each.
    else if (node.error().code() == Code::timed_out || node.error().code() == Code::gone)
      return std::unexpected(std::move(node).error());
    else
      failures.push_back({.node = {}, .why = std::move(node).error().at("vbd " + printable(id))});
  }
  std::ranges::sort(nodes, {}, &DiskNode::vdev);
  return nodes;
}

} // namespace

Result<void> Disks::connect(Duration limit) {
  failures_.clear();
  std::vector<Traveller> travellers;
  for (DiskNode& node : TRY(list_disks(services_.store, failures_)))
    if (find(node.name) == nullptr)
      travellers.push_back({std::make_unique<BlkFront>(services_, std::move(node))});
  advance_together(services_, travellers, limit, [](BlkFront& disk) { return disk.advance_connect(); });
  std::vector<std::unique_ptr<BlkFront>> lost;
  for (Traveller& t : travellers) {
    if (t.arrived) {
      connected_.push_back(std::move(t.disk));
    } else {
      failures_.push_back({t.disk->node(), std::move(*t.error)});
      lost.push_back(std::move(t.disk));
    }
  }
  close_all(std::move(lost), limit);
  std::ranges::sort(connected_, {}, [](const auto& disk) { return disk->node().vdev; });
  if (!services_.store.usable())
    return fail(Code::gone, "xenstore went away while the disks were connecting");
  return {};
}

void Disks::close(Duration limit) {
  failures_.clear();
  for (auto& failure : close_all(std::exchange(connected_, {}), limit))
    failures_.push_back(std::move(failure));
}

std::vector<DiskFailure> Disks::close_all(std::vector<std::unique_ptr<BlkFront>> disks, Duration limit) {
  std::vector<Traveller> travellers;
  travellers.reserve(disks.size());
  for (auto& disk : disks)
    travellers.push_back({std::move(disk)});
  advance_together(services_, travellers, limit, [](BlkFront& disk) { return disk.advance_close(); });
  std::vector<DiskFailure> failures;
  for (Traveller& t : travellers)
    if (t.error) {
      t.disk->abandon();
      failures.push_back({t.disk->node(), std::move(*t.error)});
    }
  return failures;
}

BlkFront* Disks::find(std::string_view name) const {
  const auto found = std::ranges::find_if(connected_, [&](const auto& disk) { return disk->name() == name; });
  return found == connected_.end() ? nullptr : found->get();
}

} // namespace pvboot::xen
