// Finding what a path names, the same for every filesystem: names one after another, symbolic links followed.
//
// A Tree is what a filesystem offers: nodes (small, copyable) with a type, a lookup of one name in a directory, and
// a link's text.
//
//   Node root();
//   Result<FileType> type(Node);
//   Result<Node> lookup(Node directory, std::string_view name);   Code::not_found when there is none
//   Result<std::string> link_text(Node);
//
// ".." leads to the directory that the walk came through, so a damaged ".." entry does no harm, and above the root
// is the root. Work is bounded by Filesystem::max_links and max_path, memory by max_path: neither the path nor what
// it has come to with its links resolved may be longer. An error names the path up to the component that failed.
#pragma once

#include "base/text.hpp"
#include "fs/filesystem.hpp"

namespace pvboot::fs {

template <typename Tree, typename Node> class PathWalk {
public:
  explicit PathWalk(Tree& tree) : tree_(tree), steps_{{tree.root(), FileType::directory, 0}} {}

  /// The node of `path`; the link itself when `follow` is false and the last name is one.
  Result<Node> find(std::string_view path, bool follow) {
    if (path.size() > Filesystem::max_path)
      return fail(Code::too_large, "the path is too long");
    rest_ = path;
    for (;;) {
      const std::string name = take_name();
      if (name.empty())
        return steps_.back().node;
      TRY(require_directory());
      if (name == "..")
        step_up();
      else if (name != ".")
        TRY(step_into(name, follow));
    }
  }

private:
  struct Step {
    Node node;
    FileType type;
    std::size_t trail_before; ///< length of trail_ without this step
  };

  /// The next name of rest_; empty at its end. rest_ then begins with what follows the name.
  std::string take_name() {
    const std::size_t first = rest_.find_first_not_of('/');
    if (first == rest_.npos)
      return {};
    const std::size_t end = std::min(rest_.find('/', first), rest_.size());
    std::string name = rest_.substr(first, end - first);
    rest_.erase(0, end);
    return name;
  }

  Result<void> step_into(const std::string& name, bool follow) {
    const std::string place = here() + (trail_.empty() ? "" : "/") + printable(name);
    const Node node = TRY_AT(tree_.lookup(steps_.back().node, name), place);
    const FileType type = TRY_AT(tree_.type(node), place);
    // "link/" means the directory behind the link.
    if (type == FileType::symlink && (follow || !rest_.empty())) {
      TRY_AT(follow_link(node), place);
      return {};
    }
    if (trail_.size() + 1 + name.size() > Filesystem::max_path)
      return fail(Code::too_large, "the path is too long", place);
    steps_.push_back({node, type, trail_.size()});
    trail_ += '/';
    trail_ += name;
    return rest_.empty() ? Result<void>{} : require_directory();
  }

  Result<void> follow_link(Node link) {
    if (++links_ > Filesystem::max_links)
      return fail(Code::too_large, "too many symbolic links");
    const std::string target = TRY(tree_.link_text(link));
    if (target.empty())
      return fail(Code::corrupt, "an empty symbolic link");
    if (target.size() + rest_.size() > Filesystem::max_path)
      return fail(Code::too_large, "the path is too long");
    if (target.front() == '/')
      while (steps_.size() > 1)
        step_up();
    rest_.insert(0, target);
    return {};
  }

  void step_up() {
    if (steps_.size() == 1)
      return;
    trail_.resize(steps_.back().trail_before);
    steps_.pop_back();
  }

  Result<void> require_directory() {
    if (steps_.back().type != FileType::directory)
      return fail(Code::not_found, "not a directory", here());
    return {};
  }

  std::string here() const { return trail_.empty() ? "/" : printable(trail_); }

  Tree& tree_;
  std::vector<Step> steps_; ///< from the root to where the walk is
  std::string trail_;       ///< the same as a path, links resolved
  std::string rest_;        ///< what is still to be walked
  unsigned links_ = 0;
};

} // namespace pvboot::fs
