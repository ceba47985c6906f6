#include "pipeline/outbox/outbox_event.h"

#include "pipeline/decode/headers_json.h"

namespace sluice {
std::string_view name_of(RefusalReason reason) {
    switch (reason) {
        case RefusalReason::no_topic:
            return "no_topic";
        case RefusalReason::unknown_topic:
            return "unknown_topic";
        case RefusalReason::bad_topic:
            return "bad_topic";
        case RefusalReason::not_permitted:
            return "not_permitted";
        case RefusalReason::bad_partition:
            return "bad_partition";
        case RefusalReason::bad_headers:
            return "bad_headers";
        case RefusalReason::bad_value:
            return "bad_value";
        case RefusalReason::too_large:
            return "too_large";
        case RefusalReason::refused_by_broker:
            break;
    }
    return "refused_by_broker";
}

std::vector<Refusal> read_headers(EventBatch& batch) {
    std::vector<Refusal> refusals;
    JsonIndex index;
    std::vector<Header> headers;
    for (std::size_t i = 0; i < batch.events().size(); ++i) {
        OutboxEvent& event = batch.events()[i];
        if (!event.headers_json || event.refused) continue;
        headers.clear();
        std::string complaint =
            read_headers_json(*event.headers_json, index, batch.memory(), headers);
        if (!complaint.empty()) {
            refusals.push_back({i, RefusalReason::bad_headers, "headers: " + std::move(complaint)});
            event.refused = true;  // once: nobody looks for a second reason
            continue;
        }
        event.headers.insert(event.headers.end(), headers.begin(), headers.end());
    }
    return refusals;
}

}  // namespace sluice
