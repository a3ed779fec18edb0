SELECT division, registry, valid_from, valid_to FROM registry_division ORDER BY division, valid_from
