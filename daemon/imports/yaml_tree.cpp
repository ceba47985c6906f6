#include "daemon/imports/yaml_tree.h"

#include "config/text/characters.h"
#include "daemon/imports/connection_text.h"
#include "pipeline/errors.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <iterator>

namespace sluice {
namespace {

/// Copies what was parsed. An alias stands for its whole tree, and may do so within another, so
/// that a short file would be an endless one: hence the limits.
class TreeCopy {
public:
    explicit TreeCopy(const std::string& file) : file_(file) {}

    YamlNode of(const YAML::Node& node, int depth = 0) {
        constexpr int deepest = 50;
        constexpr int most = 100'000;
        if (depth > deepest || ++count_ > most)
            throw WrongConfiguration(file_ + ": is too large, or nested too deeply");
        YamlNode copy;
        copy.line = node.Mark().line + 1;
        switch (node.Type()) {
            case YAML::NodeType::Scalar:
                copy.kind = YamlNode::Kind::scalar;
                copy.text = node.Scalar();
                break;
            case YAML::NodeType::Sequence:
                copy.kind = YamlNode::Kind::list;
                for (const YAML::Node& item : node) copy.items.push_back(of(item, depth + 1));
                break;
            case YAML::NodeType::Map:
                copy.kind = YamlNode::Kind::map;
                for (const auto& entry : node) {
                    if (!entry.first.IsScalar())
                        throw WrongConfiguration(file_ + ":" + std::to_string(copy.line) +
                                                 ": a key is not a plain text");
                    copy.entries.push_back(
                        {.key = entry.first.Scalar(), .value = of(entry.second, depth + 1)});
                    copy.entries.back().value.line = entry.first.Mark().line + 1;
                }
                break;
            case YAML::NodeType::Null:
            case YAML::NodeType::Undefined:
                break;
        }
        return copy;
    }

private:
    const std::string& file_;
    int count_ = 0;
};

}  // namespace

YamlNode* YamlNode::take(std::string_view name) {
    for (auto& [key, value] : entries) {
        if (!equal_ignoring_case(key, name)) continue;
        value.is_taken = true;
        return value.kind == Kind::none ? nullptr : &value;
    }
    return nullptr;
}

YamlText YamlNode::take_text(std::string_view name) {
    const YamlNode* const node = take(name);
    if (node == nullptr || node->kind == Kind::map) return {};
    YamlText joined{.text = node->text, .line = node->line};
    for (const YamlNode& item : node->items)
        joined.text += (joined.text.empty() ? "" : ",") + item.text;
    return joined;
}

std::vector<YamlText> YamlNode::take_list(std::string_view name) {
    std::vector<YamlText> list;
    const YamlNode* const node = take(name);
    if (node == nullptr) return list;
    for (const YamlNode& item : node->items) list.push_back({.text = item.text, .line = item.line});
    for (const std::string& part : split_list(node->text))
        list.push_back({.text = part, .line = node->line});
    return list;
}

std::vector<YamlText> YamlNode::rest(const std::string& within) const {
    std::vector<YamlText> names;
    const auto add = [&](const YamlNode& node, const std::string& name) {
        std::ranges::move(node.rest(name), std::back_inserter(names));
    };
    for (const auto& [key, value] : entries) {
        const std::string name = within.empty() ? key : within + "." + key;
        if (value.is_taken)
            add(value, name);
        else
            names.push_back({.text = name, .line = value.line});
    }
    for (const YamlNode& item : items)
        if (item.kind == Kind::map) add(item, within);
    return names;
}

YamlNode read_yaml(const std::string& yaml, const std::string& file) {
    try {
        return TreeCopy(file).of(YAML::Load(yaml));
    } catch (const YAML::Exception& wrong) {
        throw WrongConfiguration(file + ":" + std::to_string(wrong.mark.line + 1) + ":" +
                                 std::to_string(wrong.mark.column + 1) +
                                 ": is no YAML: " + wrong.msg);
    }
}

}  // namespace sluice
