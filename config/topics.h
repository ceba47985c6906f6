#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// Which topics a pipeline reads.
namespace sluice::config {

/// Those that are named, or all whose whole name fits an expression.
struct Topics {
    std::vector<std::string> names;  ///< ascending; empty: `regex` says which
    std::string regex;               ///< POSIX's, extended

    Topics() = default;
    /// One, as most pipelines have.
    template <std::convertible_to<std::string> Name>
    Topics(const Name& name) : names{std::string(name)} {}

    /// The one that there is, ever; null: there may be several, or none yet.
    [[nodiscard]] const std::string* only() const {
        return names.size() == 1 ? &names.front() : nullptr;
    }
    bool operator==(const Topics&) const = default;
};

/// For people: "orders", "orders, returns", "a, b, c and 7 more", "/shop\..+/".
[[nodiscard]] std::string to_string(const Topics& topics);

/// What is wrong with such an expression, and what to write; empty: nothing.
[[nodiscard]] std::string wrong_with_topic_regex(const std::string& regex);
/// The same expression for a search, which finds whole names only.
[[nodiscard]] std::string anchored(const std::string& regex);

/// Tells the topics of a pipeline from others. The expression must be a good one. From any thread.
class TopicMatcher {
public:
    explicit TopicMatcher(const Topics& topics);

    [[nodiscard]] bool matches(const std::string& topic) const { return caught(topic).has_value(); }
    /// What the expression's groups caught, the whole name first; of a topic that is named, the
    /// name. nullopt: it does not match.
    [[nodiscard]] std::optional<std::vector<std::string>> caught(const std::string& topic) const;

    /// How many groups the expression has.
    [[nodiscard]] std::size_t groups() const;

private:
    struct Expression;
    std::vector<std::string> names_;
    std::shared_ptr<const Expression> expression_;  // null: by names
};

}  // namespace sluice::config
