#include "daemon/reload/target_changes.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <string_view>

namespace sluice {
namespace {

constexpr std::string_view into = "into.";

/// Of "into.2.table"; nullopt: it is of no target.
std::optional<int> number_in(std::string_view key) {
    if (!key.starts_with(into)) return std::nullopt;
    int number = 0;
    std::from_chars(key.data() + into.size(), key.data() + key.size(), number);
    return number;
}

std::string key_of(int number) {
    return std::string(into) + std::to_string(number);
}

std::map<int, std::string> tables_in(const config::Settings& settings) {
    std::map<int, std::string> tables;
    for (const config::Setting& setting : settings)
        if (const auto number = number_in(setting.key);
            number && setting.key == key_of(*number) + ".table")
            tables[*number] = setting.value;
    return tables;
}

/// By the number before the one behind. Who has the same table is the same; else who has the same
/// number has another table now.
std::map<int, int> pairs_of(std::map<int, std::string> from, std::map<int, std::string> to) {
    std::map<int, int> pairs;
    std::erase_if(to, [&](const auto& target) {
        const auto same =
            std::ranges::find(from, target.second, &std::pair<const int, std::string>::second);
        if (same == from.end()) return false;
        pairs[same->first] = target.first;
        from.erase(same);
        return true;
    });
    for (const auto& [number, table] : to)
        if (from.contains(number)) pairs[number] = number;
    return pairs;
}

/// Those of no target, and of the targets that have another number by `renamed`, under that.
config::Settings renumbered(const config::Settings& settings, const std::map<int, int>& renamed) {
    config::Settings kept;
    for (config::Setting setting : settings) {
        if (const auto number = number_in(setting.key)) {
            const auto found = renamed.find(*number);
            if (found == renamed.end()) continue;
            setting.key.replace(0, key_of(*number).size(), key_of(found->second));
        }
        kept.push_back(std::move(setting));
    }
    std::ranges::sort(kept, {}, &config::Setting::key);
    return kept;
}

const std::string* table_in(const config::Settings& settings) {
    const auto found = std::ranges::find(settings, "table", &config::Setting::key);
    return found == settings.end() ? nullptr : &found->value;
}

/// Without what a pipeline of one table says for it, and one of several for each of them.
void drop_rows_of_one(config::Settings& one, const config::Settings& of_several) {
    std::set<std::string> keys;
    for (const config::Setting& setting : of_several)
        if (const auto number = number_in(setting.key))
            keys.insert(setting.key.substr(key_of(*number).size() + 1));
    std::erase_if(one, [&](const config::Setting& setting) {
        return keys.contains(setting.key) || setting.key.starts_with("columns.") ||
               setting.key.starts_with("fields.");
    });
}

}  // namespace

MatchedTargets match_targets(const config::Settings& from, const config::Settings& to) {
    const std::map<int, std::string> before = tables_in(from);
    const std::map<int, std::string> after = tables_in(to);
    const std::map<int, int> pairs = pairs_of(before, after);
    std::map<int, int> stay;
    for (const auto& [old, now] : pairs) stay[now] = now;

    MatchedTargets matched{renumbered(from, pairs), renumbered(to, stay), {}};
    const std::string* const one_before = before.empty() ? table_in(from) : nullptr;
    const std::string* const one_after = after.empty() ? table_in(to) : nullptr;
    if (one_before != nullptr && one_after == nullptr) {
        matched.changes.push_back(
            {"into", "several targets instead of table " + *one_before, true});
        drop_rows_of_one(matched.from, to);
    }
    if (one_after != nullptr && one_before == nullptr) {
        matched.changes.push_back(
            {"table", "one table, " + *one_after + ", instead of several targets", true});
        drop_rows_of_one(matched.to, from);
    }
    for (const auto& [number, table] : before)
        if (!pairs.contains(number))
            matched.changes.push_back({key_of(number), "target removed, table " + table, false});
    for (const auto& [number, table] : after)
        if (!stay.contains(number))
            matched.changes.push_back({key_of(number), "target added, table " + table, true});
    if (!std::ranges::is_sorted(pairs, {}, &std::pair<const int, int>::second))
        matched.changes.push_back({"into", "the targets are in another order", true});
    return matched;
}

}  // namespace sluice
