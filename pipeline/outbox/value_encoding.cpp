#include "pipeline/outbox/value_encoding.h"

#include "config/pipeline.h"
#include "pipeline/encode/make_encoder.h"
#include "pipeline/errors.h"
#include "pipeline/log.h"
#include "schemas/bad_schema.h"

namespace sluice {

ValueEncoding::ValueEncoding(const config::Outbox& outbox, std::shared_ptr<SubjectSource> registry,
                             const Patience& patience)
    : pipeline_(outbox.name),
      format_(outbox.value_format),
      subject_(outbox.value_subject),
      message_(outbox.value_message),
      registry_(std::move(registry)),
      patience_(patience) {}

std::vector<Refusal> ValueEncoding::encode(EventBatch& batch) {
    std::vector<Refusal> refusals;
    for (std::size_t i = 0; i < batch.events().size(); ++i) {
        OutboxEvent& event = batch.events()[i];
        if (event.refused || !event.value || !event.topic) continue;
        const std::string subject = config::subject_for(subject_, *event.topic);
        Known& schema = known(subject);
        bytes_.clear();
        bool fits = schema.encoder->encode(*event.value, bytes_);
        if (!fits && Clock::now() - schema.at > patience_.before_refusal) {
            ask(subject, schema);
            fits = schema.encoder->encode(*event.value, bytes_);
        }
        if (fits) {
            event.encoded = batch.memory().keep(bytes_);
        } else {
            event.refused = true;
            refusals.push_back({i, RefusalReason::bad_value,
                                "value: " + schema.encoder->error() + "; by " + schema.name});
        }
    }
    return refusals;
}

void ValueEncoding::look_up(const std::string& topic) {
    static_cast<void>(known(config::subject_for(subject_, topic)));
}

ValueEncoding::Known& ValueEncoding::known(const std::string& subject) {
    Known& known = known_[subject];
    if (known.encoder == nullptr) {
        ask(subject, known);
    } else if (const auto now = Clock::now();
               now - known.at > patience_.fresh && now >= away_until_) {
        try {
            ask(subject, known);
        } catch (const TroubleOfTheWorld& trouble) {
            // What was the latest version a while ago still has readers.
            known.at = Clock::now();
            log(LogLevel::warn, pipeline_, trouble.what());
        }
    }
    return known;
}

void ValueEncoding::ask(const std::string& subject, Known& known) {
    std::optional<SubjectSchema> latest;
    try {
        latest = registry_->latest(subject);
    } catch (const TroubleOfTheWorld&) {
        away_until_ = Clock::now() + patience_.away;
        throw;
    }
    if (!latest) {
        throw TroubleOfTheWorld("the registry has no subject \"" + subject +
                                "\", whose schema values are to be written by; register one, or "
                                "name another with value_subject");
    }
    known.at = Clock::now();
    if (known.encoder != nullptr && known.id == latest->id) return;
    const std::string name = subject + ", version " + std::to_string(latest->version);
    if (latest->schema.type != config::schema_type_of(format_)) {
        throw WrongConfiguration(name + " of the registry is no schema of value_format = \"" +
                                 std::string(config::name_of(format_)) + "\"");
    }
    try {
        known.encoder = make_encoder({std::move(latest->schema), latest->id, message_});
    } catch (const schemas::BadSchema& bad) {
        throw WrongConfiguration(name + " of the registry: " + bad.what() +
                                 (message_.empty() ? "; value_message names a message" : ""));
    }
    known.id = latest->id;
    known.name = name;
}

}  // namespace sluice
