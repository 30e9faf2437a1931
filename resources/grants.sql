-- What the application role may do with the tables of this floor; run at the end of every migration.
-- {application} is the role's quoted name. It owns nothing, and a past version can neither be changed nor removed by it.
grant usage on schema fhir to {application};
grant select on fhir.tenant, fhir.instance, fhir.migration to {application};
grant select, insert, update on fhir.resource to {application};
grant select, insert on fhir.resource_version to {application};
grant usage on sequence fhir.rid to {application};
grant execute on function fhir.instant, fhir.resource_write, fhir.resource_reindex, fhir.definitions_raise to {application};
grant select, insert, update, delete on fhir.job to {application};
grant select, insert, update, delete on fhir.due to {application};
grant execute on function fhir.job_add, fhir.job_save to {application};
grant select, insert, update, delete on fhir.answer, fhir.exchange to {application};
grant execute on function fhir.answer_claim, fhir.answer_keep, fhir.exchange_add, fhir.exchange_take, fhir.exchange_answer,
  fhir.exchange_remove to {application};
grant select, insert, update, delete on fhir.package to {application};
grant execute on function fhir.package_write to {application};
