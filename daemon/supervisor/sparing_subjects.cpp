#include "daemon/supervisor/sparing_subjects.h"

#include "pipeline/errors.h"

namespace sluice {

std::optional<SubjectSchema> SparingSubjects::latest(const std::string& subject) {
    const Clock::time_point begin = now_();
    if (away_ && begin < away_->until) throw TroubleOfTheWorld(away_->why);
    away_.reset();
    try {
        return registry_->latest(subject);
    } catch (const TroubleOfTheWorld& trouble) {
        const Clock::time_point end = now_();
        away_ = {trouble.what(), end + 3 * (end - begin)};
        throw;
    }
}

}  // namespace sluice
