#include "config/topics.h"

#include "config/text/characters.h"
#include "config/text/names.h"
#include "config/text/words.h"

#include <regex.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace sluice::config {
namespace {

constexpr std::size_t longest_regex = 1000;
/// An expression with {n} takes up as much memory as one that is so many times as long.
constexpr std::size_t most_repetitions = 1000;

/// What the largest numbers within braces multiply to: they may be nested. A brace that is escaped,
/// or in brackets, counts as well, and hardly matters.
std::size_t repetitions(const std::string& regex) {
    std::size_t product = 1;
    std::size_t largest = 1;
    std::size_t number = 0;
    bool within = false;
    for (const char c : regex) {
        if (c == '{') {
            within = true;
            largest = 1;
            number = 0;
        } else if (within && is_digit(c)) {
            number =
                std::min(number * 10 + static_cast<std::size_t>(c - '0'), most_repetitions + 1);
            largest = std::max(largest, number);
        } else if (within && c == '}') {
            product = std::min(product * largest, most_repetitions + 1);
            within = false;
        } else {
            number = 0;
        }
    }
    return product;
}

/// A group would be another one once the expression stands within another. And POSIX knows no
/// classes such as \d, and takes it for the letter.
std::string wrong_escape(const std::string& regex) {
    for (std::size_t at = 0; (at = regex.find('\\', at)) != std::string::npos; at += 2) {
        const char escaped = at + 1 < regex.size() ? regex[at + 1] : '\0';
        if (escaped >= '1' && escaped <= '9')
            return "refers back to a group, which topics cannot be told by";
        if (escaped == 'd' || escaped == 'D')
            return std::string("has \\") + escaped +
                   ", which POSIX's expressions do not know; write " +
                   (escaped == 'd' ? "[0-9]" : "[^0-9]");
    }
    return {};
}

}  // namespace

std::string to_string(const Topics& topics) {
    constexpr std::size_t shown = 3;
    if (!topics.regex.empty()) return "/" + topics.regex + "/";
    const auto& names = topics.names;
    const std::size_t count = names.size() > shown + 1 ? shown : names.size();
    const std::string text =
        listed({names.begin(), names.begin() + static_cast<std::ptrdiff_t>(count)});
    if (count == names.size()) return text;
    return text + " and " + std::to_string(names.size() - count) + " more";
}

std::string anchored(const std::string& regex) {
    return "^(" + regex + ")$";
}

std::string wrong_with_topic_regex(const std::string& regex) {
    if (regex.empty()) return "is empty; '.+' fits every topic";
    if (has_control_character(regex)) return "holds a control character; remove it";
    if (regex.size() > longest_regex || repetitions(regex) > most_repetitions)
        return "is too long, or repeats too much; shorten it";
    if (const std::string wrong = wrong_escape(regex); !wrong.empty()) return wrong;
    // Alone first: within parentheses, "a)(b" would be one.
    for (const std::string& tried : {regex, anchored(regex)}) {
        regex_t compiled;
        const int code = regcomp(&compiled, tried.c_str(), REG_EXTENDED);
        if (code == 0) {
            regfree(&compiled);
            continue;
        }
        std::array<char, 200> text{};
        regerror(code, &compiled, text.data(), text.size());
        return std::string("is no regular expression (POSIX, extended): ") + text.data();
    }
    return {};
}

struct TopicMatcher::Expression {
    explicit Expression(const std::string& regex)
        : good(regcomp(&compiled, anchored(regex).c_str(), REG_EXTENDED) == 0) {}
    ~Expression() {
        if (good) regfree(&compiled);
    }
    Expression(const Expression&) = delete;
    Expression& operator=(const Expression&) = delete;

    regex_t compiled{};
    const bool good;
};

TopicMatcher::TopicMatcher(const Topics& topics) : names_(topics.names) {
    if (!topics.regex.empty()) expression_ = std::make_shared<const Expression>(topics.regex);
}

std::size_t TopicMatcher::groups() const {
    return expression_ && expression_->good ? expression_->compiled.re_nsub - 1 : 0;
}

std::optional<std::vector<std::string>> TopicMatcher::caught(const std::string& topic) const {
    if (!expression_) {
        if (!std::ranges::binary_search(names_, topic)) return std::nullopt;
        return std::vector{topic};
    }
    if (!expression_->good) return std::nullopt;
    // The whole, and the group around the user's expression.
    std::vector<regmatch_t> found(expression_->compiled.re_nsub + 1);
    if (regexec(&expression_->compiled, topic.c_str(), found.size(), found.data(), 0) != 0)
        return std::nullopt;
    std::vector<std::string> groups;
    for (auto group = found.begin() + 1; group != found.end(); ++group) {
        groups.push_back(group->rm_so < 0
                             ? ""
                             : topic.substr(static_cast<std::size_t>(group->rm_so),
                                            static_cast<std::size_t>(group->rm_eo - group->rm_so)));
    }
    return groups;
}

}  // namespace sluice::config
