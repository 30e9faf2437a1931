-- What the application role may do with the index; run at the end of every migration. {application} is its quoted name.
grant select, insert, delete on fhir.posting, fhir.str, fhir.dat, fhir.qty, fhir.uri, fhir.geo, fhir.compartment,
  fhir.contained to {application};
grant select, insert on fhir.code, fhir.compartment_past to {application};
grant execute on function fhir.index_write to {application};
grant select, insert, update on fhir.parameter to {application};
grant execute on function fhir.parameter_write, fhir.parameter_settle, fhir.parameter_take to {application};
