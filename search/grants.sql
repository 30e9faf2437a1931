-- What the application role may do with the index; run at the end of every migration. {application} is its quoted name.
grant select, insert, delete on fhir.posting, fhir.str, fhir.dat, fhir.qty, fhir.uri to {application};
grant execute on function fhir.index_write to {application};
