#pragma once

#include "config/config.h"
#include "pipeline/encode/record_encoder.h"
#include "pipeline/encode/subject_source.h"
#include "pipeline/outbox/outbox_event.h"

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace sluice {

/// Writes the values of an outbox's events by schemas of a registry: each by the latest version of
/// its topic's subject, which is asked for again now and then, and before an event is refused. Used
/// by the relay's thread only.
class ValueEncoding {
public:
    /// How a registry's latest version is believed to be it.
    struct Patience {
        std::chrono::milliseconds fresh{std::chrono::minutes(1)};
        std::chrono::milliseconds before_refusal{
            1000};  ///< at most so old when an event is refused
        /// How long a registry that did not answer is asked for nothing that is known already.
        std::chrono::milliseconds away{std::chrono::minutes(1)};
    };
    ValueEncoding(const config::Outbox& outbox, std::shared_ptr<SubjectSource> registry)
        : ValueEncoding(outbox, std::move(registry), Patience{}) {}
    ValueEncoding(const config::Outbox& outbox, std::shared_ptr<SubjectSource> registry,
                  const Patience& patience);

    /// Of all that is not refused. What does not fit its schema comes back as a refusal. A value
    /// that is NULL stays it. Throws TroubleOfTheWorld while a schema cannot be had,
    /// WrongConfiguration where it is of another kind.
    [[nodiscard]] std::vector<Refusal> encode(EventBatch& batch);
    /// The schema for events of this topic, if it is not known; throws alike.
    void look_up(const std::string& topic);

private:
    using Clock = std::chrono::steady_clock;
    struct Known {
        std::string name;  ///< "orders-value, version 3"
        std::uint32_t id = 0;
        std::unique_ptr<RecordEncoder> encoder;
        Clock::time_point at;
    };
    Known& known(const std::string& subject);
    void ask(const std::string& subject, Known& known);

    const std::string pipeline_;
    const config::ValueFormat format_;
    const std::string subject_;
    const std::string message_;
    const std::shared_ptr<SubjectSource> registry_;
    const Patience patience_;
    std::map<std::string, Known> known_;  // by subject
    Clock::time_point away_until_;
    std::string bytes_;
};

}  // namespace sluice
