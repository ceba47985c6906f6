#pragma once

#include <chrono>
#include <map>
#include <string>

namespace sluice::kafka {

/// Topics that we may not write, as Kafka last said. A mistake in ACLs is mended in a moment, so
/// such a topic is waited for at first; one that stays forbidden is given up, until Kafka, which is
/// asked again now and then, says otherwise. One thread.
class ForbiddenTopics {
public:
    explicit ForbiddenTopics(std::chrono::milliseconds patience) : patience_(patience) {}

    using Clock = std::chrono::steady_clock;

    /// `why`: in words, with the remedy.
    void on_forbidden(const std::string& topic, const std::string& why,
                      Clock::time_point now = Clock::now());
    void on_permitted(const std::string& topic) { topics_.erase(topic); }

    /// Whether Kafka has said it, at whatever time.
    [[nodiscard]] bool knows(const std::string& topic) const { return topics_.contains(topic); }
    /// Whether it was long ago that it began to, and not long ago that it did so again.
    [[nodiscard]] bool gives_up(const std::string& topic,
                                Clock::time_point now = Clock::now()) const;
    /// How long it is waited for yet; 0: not any more.
    [[nodiscard]] std::chrono::seconds left(const std::string& topic,
                                            Clock::time_point now = Clock::now()) const;
    /// Of one that it knows.
    [[nodiscard]] const std::string& why(const std::string& topic) const {
        return topics_.at(topic).why;
    }

private:
    struct Topic {
        Clock::time_point since;
        Clock::time_point asked;
        std::string why;
    };

    const std::chrono::milliseconds patience_;
    std::map<std::string, Topic> topics_;
};

}  // namespace sluice::kafka
