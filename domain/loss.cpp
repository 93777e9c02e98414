#include "domain/loss.hpp"

namespace darkroom::domain {

std::vector<loss> loss_set::list() const {
  std::vector<loss> all;
  for (const auto l : base::enum_values<loss>())
    if (has(l)) all.push_back(l);
  return all;
}

} // namespace darkroom::domain
