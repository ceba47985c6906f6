#include "pipeline/reject.h"

namespace sluice {

std::string describe(const std::vector<Reason>& reasons) {
    std::string text;
    for (const Reason& reason : reasons) {
        if (!text.empty()) text += "; ";
        if (!reason.column.empty()) text += "column \"" + reason.column + "\": ";
        text += reason.text;
    }
    return text;
}

const char* name_of(RejectCause cause) {
    constexpr const char* names[reject_causes] = {"undecodable", "missing",   "extra",   "invalid",
                                                  "refused",     "tombstone", "unrouted"};
    return names[static_cast<std::size_t>(cause)];
}

std::string shortened_reason(std::string text) {
    constexpr std::size_t longest = 1000;
    if (text.size() <= longest) return text;
    std::size_t end = longest;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text.resize(end);
    return text + "…";
}

}  // namespace sluice
